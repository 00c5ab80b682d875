/**
 * What an HTTP status of a Kubernetes API server means to Mayfly. Pure, so that the SDK's adapter and the in-process
 * door of the stand-in classify with the same code.
 */
import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { httpKinds } from '../httpKinds.ts';

/** The statuses that stand for themselves; 5xx and the rest are decided below. */
const kinds: Readonly<Record<number, UpstreamErrorKind>> = {
  ...httpKinds,
  400: 'invalid',
  // A list or watch began at a resource version that is compacted: start it again.
  410: 'unavailable',
  413: 'invalid',
  415: 'invalid',
  422: 'invalid',
};

/** What of an answer decides: `reason` is that of its Status body, `verb` what was asked. */
export interface AnsweredStatus {
  readonly status: number;
  readonly reason?: string | undefined;
  readonly verb?: 'list' | 'get' | 'create' | 'patch' | 'delete' | undefined;
}

/**
 * The kind of an answer that is no success. A create answers 409 with two meanings: `AlreadyExists` is about the
 * name, `Conflict` about a quota that two creates updated at once (nothing was created: try again), so that only the
 * first may count as "somebody has the name" (kubernetes/kubernetes#67761). Without a reason the name is assumed.
 */
export function kindOfStatus(answer: AnsweredStatus): UpstreamErrorKind {
  if (answer.status === 409 && answer.verb === 'create' && answer.reason === 'Conflict') return 'unavailable';
  const kind = kinds[answer.status];
  if (kind !== undefined) return kind;
  return answer.status >= 500 && answer.status <= 599 ? 'unavailable' : 'unexpected';
}

/** Milliseconds from a Retry-After header; Kubernetes sends whole seconds. undefined = none, or not readable. */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  if (header === null || header === undefined || !/^\d+$/.test(header.trim())) return undefined;
  return Number(header.trim()) * 1000;
}
