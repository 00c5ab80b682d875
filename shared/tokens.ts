/**
 * What is kept alive: tokens, the hook secret and the sign-in of the delegated user, each as a target of nudges. Timer,
 * events of the vault and people on demand all end here, and so does whoever asks how things stand.
 */
import { errorKind } from './domain/errors.ts';
import type { EpochMs } from './domain/instant.ts';
import { hoursMs, minutesMs, secondsMs } from './domain/instant.ts';
import type { TokenNudge } from './domain/tokenNudge.ts';
import { errorFields } from './intents.ts';
import type { Clock, Log } from './ports.ts';
import { within } from './reconcile/within.ts';

export interface TokenAlarmText {
  readonly reason: string;
  readonly subject?: string;
  readonly detail?: string;
}

/** What one look or pass found. */
export interface TokenFinding {
  readonly expiresAt?: EpochMs | undefined;
  /** Empty = it is whole. */
  readonly alarms: readonly TokenAlarmText[];
  /** When to come back; absent = the timer is soon enough. */
  readonly lookAgainInMs?: number | undefined;
}

/** Something that is kept alive. Both methods reject only when it cannot even be set up. */
export interface TokenTarget {
  readonly name: string;
  /** The name of its secret in the vault, by which events tell of it. */
  readonly vaultSecret: string;
  /** One pass: looks and does what is due. */
  pass(nudge: TokenNudge, deadlineAt: EpochMs, log: Log): Promise<TokenFinding>;
  /** Looks and changes nothing. */
  look(log: Log): Promise<TokenFinding>;
}

export interface TokenState {
  readonly name: string;
  /** `unknown` = it could not be looked at. */
  readonly state: 'ok' | 'degraded' | 'unknown';
  readonly expiresAt: string | undefined;
  readonly alarms: readonly TokenAlarmText[];
  /** When this was found out, by this machine's clock. */
  readonly at: string;
}

export interface Tokens {
  readonly names: readonly string[];
  /** Those whose secret an event is about. */
  namesOf(vaultSecret: string): readonly string[];
  /** One pass over what the nudge names; undefined = not, or no longer, configured. Never rejects. */
  work(nudge: TokenNudge, log: Log): Promise<TokenFinding | undefined>;
  /** How each of them stands, from this process's last pass or else from a look. Never rejects. */
  states(): Promise<readonly TokenState[]>;
}

/** How long a pass may begin new work; a call that is under way may end later. */
export const tokenPassMs = minutesMs(4);
/** Passes, and looks, at once in one process: they share the vault's limits with everybody else. */
const width = 4;
/** A pass by the hourly timer answers until the next one. */
const passKeepMs = hoursMs(1) + minutesMs(10);
const lookKeepMs = minutesMs(5);
/** What could not be found out is tried again sooner, but not by every probe that asks for the health. */
const unknownKeepMs = secondsMs(30);
/** Whoever asks for the health waits no longer. */
const lookMs = secondsMs(8);
const dayMs = hoursMs(24);

/** Lets `width` run at a time, the others in their order. */
function lanes(): <T>(work: () => Promise<T>) => Promise<T> {
  let free = width;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Whoever asks while the same is being found out waits for that answer. */
function oneAtATime<K, T>(find: (about: K) => Promise<T>): (about: K) => Promise<T> {
  const pending = new Map<K, Promise<T>>();
  return (about) => {
    const present = pending.get(about);
    if (present !== undefined) return present;
    const begun = find(about).finally(() => pending.delete(about));
    pending.set(about, begun);
    return begun;
  };
}

interface Known {
  readonly finding: TokenFinding | undefined;
  readonly at: EpochMs;
  readonly until: EpochMs;
}

const failure = (error: unknown): TokenFinding => ({
  alarms: [{ reason: 'cannotBeSetUp', detail: error instanceof Error ? error.message : errorKind(error) }],
});

function stateOf(name: string, { finding, at }: Known): TokenState {
  const { expiresAt, alarms = [] } = finding ?? {};
  return {
    name,
    state: finding === undefined ? 'unknown' : alarms.length === 0 ? 'ok' : 'degraded',
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
    alarms,
    at: new Date(at).toISOString(),
  };
}

/** The numbers that a dashboard draws and an alert is set on. */
function writeMetrics(log: Log, name: string, { expiresAt, alarms }: TokenFinding, now: EpochMs): void {
  const daysLeft = expiresAt === undefined ? undefined : Math.floor((expiresAt - now) / dayMs);
  const reasons = [...new Set(alarms.map(({ reason }) => reason))].join(' ');
  const level = alarms.length === 0 ? 'info' : 'warn';
  log.write(level, 'token.state', { token: name, daysLeft, alarms: alarms.length, reasons: reasons || undefined });
}

/** `ownLog` is for looks that no invocation asked for. */
export function tokensOver(targets: readonly TokenTarget[], clock: Clock, ownLog: Log): Tokens {
  const known = new Map<string, Known>();
  const inLane = lanes();
  /** Its own: whoever asks for the health must not wait behind passes. */
  const inLookLane = lanes();
  const byName = new Map(targets.map((target) => [target.name, target]));
  const remember = (name: string, finding: TokenFinding | undefined, keepMs: number): Known => {
    const now = clock.now();
    const entry = { finding, at: now, until: now + keepMs };
    known.set(name, entry);
    return entry;
  };
  // Anybody may ask for the health, as often as they like.
  const look = oneAtATime(async (target: TokenTarget): Promise<Known> => {
    const upstream = { upstream: 'keyVault', operation: 'looking at a token' } as const;
    const looked = within(
      clock,
      lookMs,
      upstream,
      inLookLane(() => target.look(ownLog)),
    );
    const finding = await looked.catch((error: unknown) => {
      ownLog.write('warn', 'token.look.failed', { token: target.name, ...errorFields(error) });
      return undefined;
    });
    return remember(target.name, finding, finding === undefined ? unknownKeepMs : lookKeepMs);
  });
  return {
    names: [...byName.keys()],
    namesOf: (vaultSecret) =>
      targets
        .filter((target) => target.vaultSecret.toLowerCase() === vaultSecret.toLowerCase())
        .map(({ name }) => name),
    async work(nudge, log) {
      const target = byName.get(nudge.token);
      if (target === undefined) return undefined;
      const finding = await inLane(async () => {
        try {
          return await target.pass(nudge, clock.now() + tokenPassMs, log);
        } catch (error) {
          log.write('error', 'token.pass.failed', { token: target.name, ...errorFields(error) });
          return failure(error);
        }
      });
      writeMetrics(log, target.name, finding, clock.now());
      remember(target.name, finding, passKeepMs);
      return finding;
    },
    states: () =>
      Promise.all(
        targets.map(async (target) => {
          const entry = known.get(target.name);
          const isFresh = entry !== undefined && clock.now() < entry.until;
          return stateOf(target.name, isFresh ? entry : await look(target));
        }),
      ),
  };
}
