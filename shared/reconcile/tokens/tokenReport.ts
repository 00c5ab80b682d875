/** What a pass over one token says, to its caller and to the log. Display names and versions, never a value. */
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { hintOf } from '../../domain/refusalText.ts';
import type { TokenAlarm } from '../../plan/tokens/observedToken.ts';
import type { TokenPass } from './applyToken.ts';
import type { TokenDeps, TokenIntent } from './tokenDeps.ts';
import type { TokenOutcome } from './tokenOutcome.ts';

export interface TokenReport {
  readonly token: string;
  /** The server's time of the last look. */
  readonly at: EpochMs;
  /** Of the vault's latest version; undefined = nobody knows. */
  readonly expiresAt: EpochMs | undefined;
  readonly outcomes: readonly TokenOutcome[];
  /** Empty = the token is whole. */
  readonly alarms: readonly TokenAlarm[];
  /** How long to wait before the next look; undefined = the ordinary timer is soon enough. */
  readonly lookAgainInMs: number | undefined;
  /** Something failed that may pass, or was left over: looking again is a new attempt. */
  readonly isCutShort: boolean;
  /** The event was about a version that Mayfly stored itself: nothing was done. */
  readonly isOwnEvent: boolean;
}

/** One line for each outcome and alarm, and one for the pass. */
export function reportToken(
  deps: TokenDeps,
  intent: TokenIntent,
  report: TokenReport,
  errors: readonly unknown[],
): void {
  const { log, policy } = deps;
  const common = { token: policy.name, organisation: policy.organisation, correlationId: intent.correlationId };
  for (const { action, subject, kind, detail, error } of report.outcomes) {
    const failure = error instanceof Error ? error.message : undefined;
    log.write(kind === 'failed' ? 'warn' : 'info', `token.${action}.${kind}`, {
      ...common,
      subject,
      detail,
      error: failure,
      hint: hintOf(error),
    });
  }
  for (const { reason, subject, detail } of report.alarms)
    log.write('warn', `alarm.${reason}`, { ...common, subject, detail });
  for (const error of errors) {
    const level = error instanceof UpstreamError ? 'warn' : 'error';
    const text = error instanceof Error ? error.message : 'unknown';
    log.write(level, 'token.observe.failed', { ...common, error: text, hint: hintOf(error) });
  }
  log.write('info', 'token.reconciled', {
    ...common,
    cause: intent.cause,
    expiresAt: report.expiresAt === undefined ? undefined : new Date(report.expiresAt).toISOString(),
    alarms: report.alarms.length,
    ownEvent: report.isOwnEvent,
  });
}

/** What people are told once is an event of its own: whoever watches the log acts on it. */
export function teller({ log, policy }: TokenDeps, intent: TokenIntent): TokenPass['tell'] {
  return (version, notice) => {
    const told = { token: policy.name, correlationId: intent.correlationId, version };
    if (notice.kind === 'oldTokenLeft') log.write('warn', 'token.oldTokenLeft', told);
    else {
      const expiresAt = new Date(notice.expiresAt).toISOString();
      log.write('warn', 'token.expiresSoon', { ...told, days: notice.days, expiresAt });
    }
  };
}
