/** What every call to the registry passes: the journal and scripted faults. */
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, Hono, Next } from 'hono';
import type { JsonValue } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { FaultKind, Faults, Journal } from '../world/faults.ts';

export type RegistryApp = Hono<{ Bindings: HttpBindings }>;
export type RegistryContext = Context<{ Bindings: HttpBindings }>;

export interface DoorParts {
  readonly name: string;
  readonly clock: WorldClock;
  readonly faults: Faults;
  readonly journal: Journal;
  /** Aborted when the server closes: held answers must end. */
  readonly closing: AbortSignal;
}

export function answerJson(status: number, body: JsonValue, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

/** Source: OCI distribution-spec v1.1, "Error Codes". */
export function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answerJson(status, { errors: [{ code, message, detail: null }] }, headers);
}

/** "GET manifests", "POST exchange": what faults and journals call a call. */
function verbOf({ req }: RegistryContext): string {
  const kinds = ['manifests', 'blobs', 'tags', 'exchange', 'token'];
  const parts = req.path.split('/').toReversed();
  return `${req.method} ${kinds.find((kind) => parts.includes(kind)) ?? 'other'}`;
}

const codes: Readonly<Record<number, string>> = { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' };

function scripted({ status, retryAfterSeconds }: FaultKind & { readonly kind: 'status' }): Response {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return failure(status, codes[status] ?? 'UNKNOWN', 'The stand-in was told to answer so.', headers);
}

function cutOff(c: RegistryContext): Response {
  c.env.outgoing.socket?.destroy();
  return RESPONSE_ALREADY_SENT;
}

function untilGone(c: RegistryContext, closing: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  c.env.outgoing.once('close', resolve);
  closing.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** Faults that leave the registry unasked; undefined = it is asked. */
async function before(c: RegistryContext, fault: FaultKind, { clock, closing }: DoorParts) {
  if (fault.kind === 'slow') await clock.sleep(fault.ms);
  if (fault.kind === 'hang') await untilGone(c, closing);
  if (fault.kind === 'hang' || fault.kind === 'lostBefore') return cutOff(c);
  if (fault.kind === 'status') return scripted(fault);
  if (fault.kind === 'nullBody') return answerJson(200, null);
  if (fault.kind !== 'signInPage') return undefined;
  // What a proxy on the way puts in the place of an answer.
  return new Response('<html><body>Sign in</body></html>', { status: 200, headers: { 'content-type': 'text/html' } });
}

/** The headers promise more than is sent, and the connection ends. */
async function breakOff(c: RegistryContext): Promise<Response> {
  const bytes = Buffer.from(await c.res.arrayBuffer());
  const { outgoing } = c.env;
  outgoing.writeHead(c.res.status, { ...Object.fromEntries(c.res.headers), 'content-length': bytes.length });
  outgoing.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => outgoing.socket?.destroy());
  return RESPONSE_ALREADY_SENT;
}

async function pass(c: RegistryContext, next: Next, parts: DoorParts, fault: FaultKind | undefined) {
  const early = fault === undefined ? undefined : await before(c, fault, parts);
  if (early !== undefined) return early;
  await next();
  if (fault?.kind === 'truncated') return breakOff(c);
  return fault?.kind === 'lostAfter' ? cutOff(c) : undefined;
}

export function door(app: RegistryApp, parts: DoorParts): void {
  const { name, clock, faults, journal } = parts;
  app.use('*', async (c, next) => {
    const caller = c.req.header('user-agent') ?? '';
    const told = { door: name, caller, verb: verbOf(c), target: c.req.path };
    const call = journal.begin({ ...told, at: clock.now() });
    const fault = faults.take(told);
    const answer = await pass(c, next, parts, fault);
    call.outcome = fault?.kind ?? String(c.res.status);
    call.endedAt = clock.now();
    if (answer === undefined) return;
    c.res = undefined;
    c.res = answer;
  });
}
