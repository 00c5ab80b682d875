/**
 * The whole life of a hook call: credential, body, event, intents. The answers are few on purpose, because Azure DevOps
 * punishes all others:
 *   401  a stranger, and nobody else
 *   200  from someone who knows the secret, but nothing to do, with the reason
 *   202  intents are in the queue; or nothing could be done for more than a minute, and the sweep will have to
 *   503  nothing could be done, for less than a minute: send it again
 */
import type { EpochMs } from '../domain/instant.ts';
import { hookMessages, type IntentMessage, type PoolRoute } from '../domain/intent.ts';
import { type BodySource, readBody } from './body.ts';
import { candidatePools } from './candidates.ts';
import { type FailurePeriod, failed, failureStatus } from './failurePeriod.ts';
import { type Ignored, type IgnoredReason, type JobEvent, type JobState, parseBody } from './parse.ts';
import type { HookVerifier } from './verify.ts';

export type UnwellReason = 'secretUnreadable' | 'notEnqueued' | 'unexpected';

/** What an authenticated caller is told beside: by which secret it was let in. */
interface Marked {
  readonly secretMark?: string;
}

type Told =
  | { readonly status: 401; readonly outcome: 'rejected' }
  | { readonly status: 200; readonly outcome: 'ignored'; readonly reason: IgnoredReason; readonly error?: unknown }
  | { readonly status: 202; readonly outcome: 'enqueued'; readonly state: JobState; readonly pools: number }
  | { readonly status: 503 | 202; readonly outcome: 'unwell'; readonly reason: UnwellReason; readonly error?: unknown };

export type HookAnswer = Told & Marked;

export interface HookParts {
  readonly verifier: HookVerifier;
  /** All configured pools; rejects when the configuration is broken. */
  readonly pools: () => Promise<readonly PoolRoute[]>;
  /** Settles once the queue has the messages or has refused them, within its own time limit. */
  readonly send: (messages: readonly IntentMessage[]) => Promise<void>;
  readonly now: () => EpochMs;
}

export interface HookReceiver {
  /** `invocationId` stands in for an event that bears no id of its own. Never rejects. */
  receive(request: BodySource, invocationId: string): Promise<HookAnswer>;
  /** The failure period that is going on; undefined = well. */
  readonly failure: FailurePeriod | undefined;
}

const ignored = (reason: IgnoredReason, error?: unknown): HookAnswer => ({
  status: 200,
  outcome: 'ignored',
  reason,
  ...(error === undefined ? {} : { error }),
});

/** One receiver a process: it remembers the failure period. */
export function hookReceiver(parts: HookParts): HookReceiver {
  let failure: FailurePeriod | undefined;

  const unwell = (reason: UnwellReason, error?: unknown): HookAnswer => {
    failure = failed(failure, parts.now());
    return { status: failureStatus(failure), outcome: 'unwell', reason, ...(error === undefined ? {} : { error }) };
  };

  const enqueue = async (event: JobEvent, pools: readonly PoolRoute[], correlationId: string): Promise<HookAnswer> => {
    try {
      await parts.send(hookMessages(pools, parts.now(), correlationId));
    } catch (error) {
      return unwell('notEnqueued', error);
    }
    failure = undefined;
    return { status: 202, outcome: 'enqueued', state: event.state, pools: pools.length };
  };

  const ring = async (event: JobEvent, invocationId: string): Promise<HookAnswer> => {
    let pools: readonly PoolRoute[];
    try {
      pools = await parts.pools();
    } catch (error) {
      // Sending it again would not mend our configuration; the health endpoint and the log tell of it.
      return ignored('configurationBroken', error);
    }
    const candidates = candidatePools(event, pools);
    return candidates.length === 0 ? ignored('noPool') : enqueue(event, candidates, event.eventId ?? invocationId);
  };

  const answer = async (request: BodySource, invocationId: string): Promise<HookAnswer> => {
    const verdict = await parts.verifier.verify(request.headers);
    if (verdict === 'rejected') return { status: 401, outcome: 'rejected' };
    if (verdict === 'unreadable') return unwell('secretUnreadable');
    const secretMark = parts.verifier.mark(request.headers);
    const body = await readBody(request);
    const event: JobEvent | Ignored = body instanceof Uint8Array ? parseBody(body) : body;
    const told = event.kind === 'ignored' ? ignored(event.reason) : await ring(event, invocationId);
    return secretMark === undefined ? told : { ...told, secretMark };
  };

  return {
    get failure() {
      return failure;
    },
    async receive(request, invocationId) {
      try {
        return await answer(request, invocationId);
      } catch (error) {
        return unwell('unexpected', error);
      }
    },
  };
}
