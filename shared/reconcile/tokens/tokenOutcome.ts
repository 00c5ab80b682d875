/** What came of an action on a token. */
import type { TokenActionKind, TokenAlarm } from '../../plan/tokens/observedToken.ts';

export interface TokenOutcome {
  readonly action: TokenActionKind;
  /** What it was about: a PAT's display name, a version, a copy. */
  readonly subject: string;
  /** `raced` = the vault holds another version than the one that was looked at: look again. */
  readonly kind: 'done' | 'raced' | 'failed' | 'postponed';
  readonly detail?: string;
  readonly error?: unknown;
  /** What people should know beyond the failure itself. */
  readonly alarm?: TokenAlarm;
}

export const failed = (
  action: TokenActionKind,
  subject: string,
  { error, alarm }: { readonly error: unknown; readonly alarm: TokenAlarm },
): TokenOutcome => ({
  action,
  subject,
  kind: 'failed',
  error,
  alarm: { ...alarm, ...(error instanceof Error ? { detail: error.message } : {}) },
});
