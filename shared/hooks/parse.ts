/**
 * From the bytes of an authenticated caller to "a job changed state" or a reason why this is not about that. Nothing
 * here can fail: whoever knows the secret gets a 2xx, or the subscription would go on probation for our opinion of its
 * payload. Checked by hand, because this runs on a cold start and needs four fields of the whole event.
 *
 * The event type alone is enough to ring. `resourceDetailsToSend` may be minimal or none, so the state and everything
 * else in the resource may be absent, and its spelling is not settled: `waiting` and `completed` have been seen, for
 * running both `inProgress` and `running`.
 */
import { isPlainId } from '../domain/intent.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

export const jobStates = ['waiting', 'running', 'completed', 'unstated', 'other'] as const;
export type JobState = (typeof jobStates)[number];

export interface JobEvent {
  readonly kind: 'jobEvent';
  readonly state: JobState;
  /** The event's own id; absent if it has none that could be written to a log. */
  readonly eventId?: string;
  /** URLs that may name the organisation, as they stand in the envelope. */
  readonly organisationUrls: readonly string[];
}

export const ignoredReasons = [
  'tooLarge',
  'bodyUnreadable',
  'empty',
  'notJson',
  'notAnEvent',
  'otherEvent',
  'noPool',
  'configurationBroken',
] as const;
export type IgnoredReason = (typeof ignoredReasons)[number];

export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: IgnoredReason;
}

/** Azure DevOps sends no more than this (service hooks documentation, July 2025). */
export const maxBodyBytes = 2 * 1024 * 1024;

const jobStateChanged = 'ms.vss-pipelines.job-state-changed-event';

const ignored = (reason: IgnoredReason): Ignored => ({ kind: 'ignored', reason });

const stateOf: Readonly<Record<string, JobState>> = {
  waiting: 'waiting',
  running: 'running',
  inprogress: 'running',
  completed: 'completed',
};

/** A member by its name in any case: the documentation and the samples do not agree on it. */
function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((one) => one.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : value[key];
}

function readState(event: JsonObject): JobState {
  const state = member(member(member(event, 'resource'), 'job'), 'state');
  if (typeof state !== 'string' || state === '') return 'unstated';
  const name = state.toLowerCase();
  return Object.hasOwn(stateOf, name) ? (stateOf[name] ?? 'other') : 'other';
}

function readOrganisationUrls(event: JsonObject): readonly string[] {
  const containers = member(event, 'resourceContainers');
  const urls = ['account', 'collection', 'project'].map((name) => member(member(containers, name), 'baseUrl'));
  return urls.filter((url): url is string => typeof url === 'string' && url !== '');
}

/** Decides what a decoded payload is about. */
export function parseEvent(event: unknown): JobEvent | Ignored {
  if (!isJsonObject(event)) return ignored('notAnEvent');
  const type = member(event, 'eventType');
  if (typeof type !== 'string') return ignored('notAnEvent');
  if (type.trim().toLowerCase() !== jobStateChanged) return ignored('otherEvent');
  const id = member(event, 'id');
  return {
    kind: 'jobEvent',
    state: readState(event),
    ...(isPlainId(id) ? { eventId: id } : {}),
    organisationUrls: readOrganisationUrls(event),
  };
}

/** The same for the bytes as they came. */
export function parseBody(bytes: Uint8Array): JobEvent | Ignored {
  if (bytes.byteLength > maxBodyBytes) return ignored('tooLarge');
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === '') return ignored('empty');
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return ignored('notJson');
  }
  return parseEvent(event);
}
