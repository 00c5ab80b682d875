/**
 * The way from a control plane to a world of tokens: journaled, delayed, struck by at most one fault. What the world did
 * before an answer was lost stays done, and a call that takes longer than its caller waits still lands.
 */
import { httpKinds } from '../../../../shared/adapters/httpKinds.ts';
import { type Upstream, UpstreamError, type UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { secondsMs } from '../../../../shared/domain/instant.ts';
import type { WorldClock } from '../../world/clock.ts';
import type { FaultKind, Faults, Journal } from '../../world/faults.ts';

export interface DoorOptions {
  readonly caller: string;
  readonly clock: WorldClock;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly latencyMs: () => number;
  /** What keeps a door shut at this time; undefined = it is open. */
  readonly refusal: (door: string) => UpstreamError | undefined;
}

/** How a world says no. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal';
  readonly kind: UpstreamErrorKind;

  constructor(kind: UpstreamErrorKind, detail: string) {
    super(detail);
    this.kind = kind;
  }
}

const answers: Readonly<
  Record<'signInPage' | 'nullBody' | 'truncated' | 'lostBefore' | 'lostAfter' | 'hang', UpstreamErrorKind>
> = {
  hang: 'timeout',
  signInPage: 'unauthorized',
  nullBody: 'unexpected',
  truncated: 'unexpected',
  lostBefore: 'unavailable',
  lostAfter: 'unavailable',
};
/** The weather's slowest calls take 25 s; here some land after their caller has given up. */
const verySlow = 4;
const hangMs = secondsMs(100);

export class TokenDoor {
  readonly #options: DoorOptions;
  readonly #name: string;
  readonly #upstream: Upstream;

  constructor(name: string, upstream: Upstream, options: DoorOptions) {
    this.#name = name;
    this.#upstream = upstream;
    this.#options = options;
  }

  async call<T>(verb: string, target: string, effect: () => T): Promise<T> {
    const { clock, journal, faults, caller, latencyMs, refusal } = this.#options;
    const call = journal.begin({ door: this.#name, caller, verb, target, at: clock.now() });
    const fault = faults.take(call);
    try {
      await clock.sleep(fault?.kind === 'slow' ? fault.ms * verySlow : latencyMs());
      const shut = refusal(this.#name);
      if (shut !== undefined) throw shut;
      const value = await this.#struck(fault, effect);
      await clock.sleep(latencyMs());
      call.outcome = 'ok';
      return value;
    } catch (error) {
      const classified = this.#classified(error, verb);
      call.outcome = classified.kind;
      throw classified;
    } finally {
      call.endedAt = clock.now();
    }
  }

  async #struck<T>(fault: FaultKind | undefined, effect: () => T): Promise<T> {
    if (fault === undefined || fault.kind === 'slow' || fault.kind === 'partial') return effect();
    if (fault.kind === 'status') throw this.#status(fault);
    if (fault.kind === 'lostAfter' || fault.kind === 'truncated') effect();
    if (fault.kind === 'hang') await this.#options.clock.sleep(hangMs);
    throw this.#failure(answers[fault.kind]);
  }

  #status({ status, retryAfterSeconds }: Extract<FaultKind, { kind: 'status' }>): UpstreamError {
    const wait = retryAfterSeconds === undefined ? undefined : secondsMs(retryAfterSeconds);
    return this.#failure(httpKinds[status] ?? (status < 500 ? 'invalid' : 'unavailable'), wait);
  }

  #failure(kind: UpstreamErrorKind, retryAfterMs?: number): UpstreamError {
    return new UpstreamError({ upstream: this.#upstream, operation: 'calling', kind, retryAfterMs });
  }

  #classified(error: unknown, operation: string): UpstreamError {
    if (error instanceof UpstreamError) return error;
    if (!(error instanceof TokenRefusal)) throw error;
    return new UpstreamError({ upstream: this.#upstream, operation, kind: error.kind, detail: error.message });
  }
}
