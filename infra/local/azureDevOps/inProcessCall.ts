/**
 * One call through the in-process door: journaled, delayed, struck by at most one fault, and refused in the words of
 * the port. What the server did before an answer was lost stays done.
 */
import { httpKinds } from '../../../shared/adapters/httpKinds.ts';
import type { Upstream, UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import { errorKind, UpstreamError } from '../../../shared/domain/errors.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Call, FaultKind, Faults, Journal } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import type { RateLimiter } from './wire/rateLimit.ts';
import { WorldError } from './worldError.ts';

export interface InProcessOptions {
  /** Who calls, for journal and events. */
  readonly caller: string;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly clock: WorldClock;
  /** How long a call takes to reach the world and its answer to come back. Absent or 0: no wait at all. */
  readonly latencyMs?: () => { readonly before: number; readonly after: number };
  /** Decides what partial lists leave out; absent, they leave out every second entry. */
  readonly random?: Random;
  /** All callers share an identity. Absent = no limit. */
  readonly limiter?: RateLimiter;
  /** What the header Retry-After of any answer says, successes included. */
  readonly onThrottleHint?: (retryAfterMs: number) => void;
}

/** How long the server holds back an answer once it warns; its documentation says up to 30 s. */
const heldBackMs = secondsMs(1);

/** Whose door it is, and how its world refuses; by default that of Azure DevOps. */
export interface InProcessDoor {
  readonly door: string;
  readonly upstream: Upstream;
  /** What the world threw as a refusal; undefined = it is none. */
  readonly refusal: (error: unknown) => Refused | undefined;
}

export interface Refused {
  readonly status: number;
  /** Where the status does not tell. */
  readonly kind?: UpstreamErrorKind;
  readonly retryAfterMs?: number;
  readonly detail: string;
}

/** A refusal in the words of the port, for what has no exception of its own. */
export class RefusedCall extends Error {
  override readonly name = 'RefusedCall';
  readonly refused: Refused;

  constructor(refused: Refused) {
    super(refused.detail);
    this.refused = refused;
  }
}

const azureDevOps: InProcessDoor = {
  door: 'azureDevOps',
  upstream: 'azureDevOps',
  refusal: (error) => {
    if (error instanceof RefusedCall) return error.refused;
    if (!(error instanceof WorldError)) return undefined;
    return { status: error.status, detail: `${error.typeKey}: ${error.message}` };
  },
};

export interface CallName<T> {
  readonly verb: string;
  readonly operation: string;
  readonly target: string;
  /** What a 404 means to the caller; absent as a key = a rejection. */
  readonly absent?: T;
}

/** Leaves entries out of a list when a fault says so. */
export type Keep = <T>(items: readonly T[]) => readonly T[];

/** As long as the adapter waits. */
const timeoutMs = secondsMs(30);
const keepAll: Keep = (items) => items;

export class InProcessCalls {
  readonly #options: InProcessOptions;
  readonly #door: InProcessDoor;

  constructor(options: InProcessOptions, door: InProcessDoor = azureDevOps) {
    this.#options = options;
    this.#door = door;
  }

  async call<T>(name: CallName<T>, effect: (keep: Keep) => T): Promise<T> {
    const { journal, faults, clock, caller } = this.#options;
    const { verb, target } = name;
    const call = journal.begin({ door: this.#door.door, caller, verb, target, at: clock.now() });
    const fault = faults.take(call);
    const latency = this.#options.latencyMs?.();
    try {
      await this.#wait(latency?.before);
      await this.#limited(name.operation);
      const value = await this.#struck(name, effect, fault);
      await this.#wait(latency?.after);
      call.outcome = fault?.kind ?? 'ok';
      return value;
    } catch (error) {
      const classified = this.#classified(error, name.operation);
      call.outcome = outcomeOf(classified, fault);
      throw classified;
    } finally {
      call.endedAt = clock.now();
    }
  }

  async #struck<T>(name: CallName<T>, effect: (keep: Keep) => T, fault: FaultKind | undefined): Promise<T> {
    if (fault === undefined) return effect(keepAll);
    if (fault.kind === 'partial') return effect(this.#keeping(fault.keep));
    if (fault.kind === 'status') return this.#statusAnswer(name, fault);
    if (fault.kind === 'slow') return this.#slow(name.operation, effect(keepAll), fault.ms);
    return this.#broken(name.operation, effect, fault.kind);
  }

  async #limited(operation: string): Promise<void> {
    const { limiter, clock, onThrottleHint } = this.#options;
    const answer = limiter?.count('mayfly', clock.now());
    if (answer === undefined || answer.verdict === 'free') return;
    const retryAfterMs = secondsMs(Number(answer.headers['retry-after']));
    onThrottleHint?.(retryAfterMs);
    if (answer.verdict === 'refused') throw this.#failure(operation, 'throttled', { status: 429, retryAfterMs });
    await this.#wait(heldBackMs);
  }

  async #broken(operation: string, effect: (keep: Keep) => unknown, fault: BrokenAnswer): Promise<never> {
    if (fault === 'lostAfter' || fault === 'truncated') this.#tryOut(() => effect(keepAll));
    if (fault === 'hang') await this.#wait(timeoutMs);
    const { kind, ...more } = brokenAnswers[fault];
    throw this.#failure(operation, kind, more);
  }

  async #slow<T>(operation: string, value: T, ms: number): Promise<T> {
    await this.#wait(Math.min(ms, timeoutMs));
    if (ms >= timeoutMs) throw this.#failure(operation, 'timeout');
    return value;
  }

  #keeping(probability: number): Keep {
    const { random } = this.#options;
    return (items) => items.filter((_, index) => (random ? random.chance(probability) : index % 2 === 0));
  }

  async #wait(ms = 0): Promise<void> {
    if (ms > 0) await this.#options.clock.sleep(ms);
  }

  /** A scripted 404 is believed wherever absence is an answer: such answers do come for what exists. */
  #statusAnswer<T>(name: CallName<T>, fault: Extract<FaultKind, { kind: 'status' }>): T {
    const { status, retryAfterSeconds } = fault;
    if (status === 404 && 'absent' in name) return name.absent as T;
    const retryAfterMs = retryAfterSeconds === undefined ? undefined : secondsMs(retryAfterSeconds);
    throw this.#failure(name.operation, kindOfStatus(status), { status, retryAfterMs });
  }

  /** Whether the server did it or refused, the caller cannot know. */
  #tryOut(effect: () => unknown): void {
    try {
      effect();
    } catch (error) {
      if (this.#door.refusal(error) === undefined) throw error;
    }
  }

  #failure(operation: string, kind: UpstreamErrorKind, more: FailureFields = {}): UpstreamError {
    return new UpstreamError({ upstream: this.#door.upstream, operation, kind, ...more });
  }

  #classified(error: unknown, operation: string): unknown {
    const refused = this.#door.refusal(error);
    if (refused === undefined) return error;
    const { kind = kindOfStatus(refused.status), ...more } = refused;
    return this.#failure(operation, kind, more);
  }
}

const kinds: Readonly<Record<number, UpstreamErrorKind>> = {
  203: 'unauthorized',
  302: 'unauthorized',
  ...httpKinds,
};

const kindOfStatus = (status: number): UpstreamErrorKind =>
  kinds[status] ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid' : 'unexpected');

interface FailureFields {
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: string;
}

type BrokenAnswer = Exclude<FaultKind['kind'], 'partial' | 'slow' | 'status'>;

const brokenAnswers: Readonly<Record<BrokenAnswer, { kind: UpstreamErrorKind; status?: number; detail?: string }>> = {
  signInPage: { kind: 'unauthorized', status: 203, detail: 'the answer is not JSON' },
  nullBody: { kind: 'unexpected', status: 200, detail: 'no value in the body' },
  truncated: { kind: 'unexpected', status: 200, detail: 'no value in the body' },
  lostBefore: { kind: 'unavailable', detail: 'the connection broke' },
  lostAfter: { kind: 'unavailable', detail: 'the connection broke' },
  hang: { kind: 'timeout' },
};

function outcomeOf(error: unknown, fault: FaultKind | undefined): Call['outcome'] {
  if (fault !== undefined) return fault.kind === 'status' ? String(fault.status) : fault.kind;
  return error instanceof UpstreamError ? String(error.status) : errorKind(error);
}
