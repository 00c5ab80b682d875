/** What the scripted faults do to a connection. */
import type { ServerResponse } from 'node:http';
import { isJsonObject, type JsonObject } from '../../../../shared/domain/json.ts';
import type { WorldClock } from '../../world/clock.ts';
import type { FaultKind } from '../../world/faults.ts';
import type { Random } from '../../world/random.ts';
import { type BodyReply, jsonReply } from './reply.ts';

/**
 * True when the world is not to be asked any more: the connection is gone, or will never be answered. Throws
 * RefusedByFault where something else is answered in its place.
 */
export async function blocksBefore(
  fault: FaultKind | undefined,
  response: ServerResponse,
  clock: WorldClock,
): Promise<boolean> {
  if (fault?.kind === 'lostBefore') response.destroy();
  if (fault?.kind === 'hang') await gone(response);
  if (fault?.kind === 'slow') await slept(fault.ms, response, clock);
  const instead = insteadOf(fault);
  if (instead !== undefined) throw new RefusedByFault(instead);
  return response.destroyed;
}

function insteadOf(fault: FaultKind | undefined): BodyReply | undefined {
  if (fault?.kind === 'status') return refusal(fault);
  return fault?.kind === 'signInPage' ? signInPage : undefined;
}

function gone(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', resolve);
  });
}

/** Whichever comes first: the time, or the client's patience. */
async function slept(ms: number, response: ServerResponse, clock: WorldClock): Promise<void> {
  const given = new AbortController();
  response.once('close', () => given.abort());
  await clock.sleep(ms, given.signal).catch(() => undefined);
}

export function spoiled(reply: BodyReply, fault: FaultKind | undefined, random: Random): BodyReply {
  if (fault?.kind === 'nullBody') return { ...reply, status: 200, body: 'null' };
  // Half the text under an honest length: what a proxy sends whose own upstream broke off.
  if (fault?.kind === 'truncated') return { ...reply, body: reply.body.slice(0, reply.body.length / 2) };
  if (fault?.kind === 'partial') return { ...reply, body: thinned(reply.body, fault.keep, random) };
  return reply;
}

/** A list without some of its entries, which says nothing of it: no continue token, no error. */
function thinned(body: string, keep: number, random: Random): string {
  const parsed: unknown = JSON.parse(body);
  if (!isJsonObject(parsed)) return body;
  const list: JsonObject = parsed;
  for (const key of ['items', 'rows']) {
    const entries = list[key];
    if (Array.isArray(entries)) return JSON.stringify({ ...list, [key]: entries.filter(() => random.chance(keep)) });
  }
  return body;
}

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'AlreadyExists',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Carries an answer that is given without the world having been asked. */
export class RefusedByFault extends Error {
  readonly reply: BodyReply;

  constructor(reply: BodyReply) {
    super(`answers ${reply.status}`);
    this.reply = reply;
  }
}

const signInPage: BodyReply = {
  kind: 'body',
  status: 203,
  contentType: 'text/html; charset=utf-8',
  body: '<html><title>Sign in</title></html>',
  warnings: [],
};

/** What an overloaded API server answers, or a proxy before it. */
function refusal(fault: Extract<FaultKind, { kind: 'status' }>): BodyReply {
  const seconds = fault.retryAfterSeconds;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `the server is told to answer ${fault.status}`,
    reason: reasons[fault.status] ?? 'Unknown',
    details: seconds === undefined ? {} : { retryAfterSeconds: seconds },
    code: fault.status,
  };
  return jsonReply(fault.status, status, seconds === undefined ? {} : { headers: { 'retry-after': `${seconds}` } });
}
