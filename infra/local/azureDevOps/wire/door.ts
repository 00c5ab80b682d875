/**
 * What every call passes on its way in and out: the journal, scripted faults, the credential, the rate limit and the
 * api-version. Each answer bears the server's own time.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Next } from 'hono';
import { isJsonObject } from '../../../../shared/domain/json.ts';
import type { Call, FaultKind } from '../../world/faults.ts';
import { WorldError } from '../worldError.ts';
import { tokenPath } from './agentToken.ts';
import { versionProblem } from './apiVersion.ts';
import { onHangUp } from './hangUp.ts';
import { answer, refusalJson, WireRefusal } from './refusal.ts';
import { coversPath } from './tokens.ts';
import { nameCall } from './verbs.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';

const signInHtml =
  '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to your account</body></html>';
const html = { 'content-type': 'text/html; charset=utf-8' };

function signInPage(): Response {
  return new Response(signInHtml, { status: 203, headers: html });
}

/**
 * By default GET and POST get 203 and a sign-in page, PATCH and the like 401 (azure-pipelines-agent#5520,
 * azure-devops-auth-samples#52, vsts-rest-api-specs#574). Reads have also been seen to answer 401 without a body
 * (kedacore/keda#3159), and a redirect to the sign-in page, which callers can suppress (CredentialProvider.cs).
 */
function badCredential(c: WireContext, wire: Wire): Response {
  const suppressed = c.req.header('x-tfs-fedauthredirect')?.toLowerCase() === 'suppress';
  if (wire.badCredential === 'redirect' && !suppressed) {
    return new Response(null, { status: 302, headers: { location: 'https://login.example/signin' } });
  }
  const pages = ['GET', 'POST', 'OPTIONS'].includes(c.req.method);
  if (pages && wire.badCredential === 'signInPage') return signInPage();
  return unauthorized();
}

const unauthorized = (): Response =>
  new Response(null, { status: 401, headers: { ...html, 'www-authenticate': 'Bearer, Basic' } });

/** Destroys the connection: the caller sees a reset, never an answer. */
function cutOff(c: WireContext): Response {
  c.env.outgoing.socket?.destroy();
  return RESPONSE_ALREADY_SENT;
}

/** Half of the body, as a whole answer: what an intermediary that cuts responses leaves. */
async function truncate(c: WireContext): Promise<Response> {
  const body = await c.res.text();
  return new Response(body.slice(0, Math.floor(body.length / 2)), { status: c.res.status, headers: c.res.headers });
}

async function thin(c: WireContext, wire: Wire, keep: number): Promise<Response> {
  const body: unknown = await c.res.clone().json();
  if (!isJsonObject(body) || !Array.isArray(body['value'])) return c.res;
  const value = body['value'].filter(() => wire.random.chance(keep));
  return answer(c.res.status, { ...body, count: value.length, value });
}

function untilGone(c: WireContext, wire: Wire): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = onHangUp(c, wire, resolve);
  return promise.finally(stop);
}

function scripted(status: number, retryAfterSeconds: number | undefined): Response {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return answer(status, refusalJson(new WireRefusal(status, 'ScriptedFault', `Scripted answer ${status}.`)), headers);
}

/** Faults that strike before the world is asked; undefined = it is asked. */
async function beforeEffect(c: WireContext, wire: Wire, fault: FaultKind): Promise<Response | undefined> {
  if (fault.kind === 'status') return scripted(fault.status, fault.retryAfterSeconds);
  if (fault.kind === 'signInPage') return signInPage();
  if (fault.kind === 'nullBody') return answer(200, null);
  if (fault.kind === 'hang') await untilGone(c, wire);
  return fault.kind === 'hang' || fault.kind === 'lostBefore' ? cutOff(c) : undefined;
}

/** Faults that strike the answer. */
async function afterEffect(c: WireContext, wire: Wire, fault: FaultKind): Promise<Response | undefined> {
  if (fault.kind === 'truncated') return truncate(c);
  if (fault.kind === 'lostAfter') return cutOff(c);
  if (fault.kind === 'partial') return thin(c, wire, fault.keep);
  if (fault.kind === 'slow') await wire.clock.sleep(fault.ms, wire.closing).catch(() => undefined);
  return undefined;
}

async function passThrough(c: WireContext, wire: Wire, fault: FaultKind | undefined, next: Next): Promise<void> {
  const early = fault && (await beforeEffect(c, wire, fault));
  if (early !== undefined) {
    c.res = early;
    return;
  }
  await next();
  const replaced = fault && (await afterEffect(c, wire, fault));
  if (replaced !== undefined) c.res = replaced;
}

function outcomeOf(fault: FaultKind | undefined, status: number): string {
  return fault?.kind ?? (status < 300 && status !== 203 ? 'ok' : String(status));
}

/** The name of the agent that is being registered. The framework keeps the text, so the route can read it again. */
async function postedName(c: WireContext): Promise<string | undefined> {
  if (c.req.method !== 'POST' || !c.req.path.endsWith('/agents')) return undefined;
  const name = /"name"\s*:\s*"([^"]*)"/i.exec(await c.req.text());
  return name?.[1];
}

/** Faults know callers by name, so the credential is read first, but judged only after the fault. */
async function callOf(c: WireContext, wire: Wire): Promise<Call> {
  const identity = wire.tokens.authenticate(c.req.header('authorization'), wire.clock.now());
  const url = new URL(c.req.url);
  const caller = identity?.name ?? 'anonymous';
  const agentName = c.req.query('agentName') ?? (await postedName(c));
  const call = nameCall(c.req.method, url, agentName);
  return wire.journal.begin({ door: 'azureDevOps', caller, ...call, at: wire.clock.now() });
}

/** The credential, the rate limit and the version; undefined = the call may go on. */
function refusalOf(c: WireContext, wire: Wire): Response | Readonly<Record<string, string>> {
  if (c.req.path.endsWith(tokenPath)) return {};
  const entry = wire.tokens.entryOf(c.req.header('authorization'), wire.clock.now());
  if (entry === undefined) return badCredential(c, wire);
  // A PAT that lacks the scope is answered 401, like one that is broken (learn.microsoft.com, answers 2242239).
  if (!coversPath(entry, c.req.path)) return unauthorized();
  const { identity } = entry;
  c.set('identity', identity);
  const { verdict, headers } = wire.rateLimiter.count(identity.name, wire.clock.now());
  if (verdict === 'refused') {
    const message = `TF400733: The request was canceled: ${identity.name} has used up its allowance.`;
    return answer(429, refusalJson(new WireRefusal(429, 'RequestBlockedException', message)), headers);
  }
  const problem = versionProblem(c);
  return problem === undefined ? headers : answer(problem.status, refusalJson(problem), headers);
}

/** Puts all of this before the routes that are added afterwards. */
export function door(app: WireApp, wire: Wire): void {
  app.use(async (c, next) => {
    const call = await callOf(c, wire);
    const fault = wire.faults.take(call);
    await passThrough(c, wire, fault, next);
    call.outcome = outcomeOf(fault, c.res.status);
    call.endedAt = wire.clock.now();
  });
  app.use(async (c, next) => {
    const verdict = refusalOf(c, wire);
    if (verdict instanceof Response) {
      c.res = verdict;
    } else {
      await next();
      for (const [name, value] of Object.entries(verdict)) c.res.headers.set(name, value);
    }
    c.res.headers.set('date', new Date(wire.world.now()).toUTCString());
  });
  app.onError((error) => {
    if (error instanceof WorldError || error instanceof WireRefusal) return answer(error.status, refusalJson(error));
    throw error;
  });
}
