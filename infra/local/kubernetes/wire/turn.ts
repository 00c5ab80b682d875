/** One request at the door: journal, faults, identity, the world's answer, and what is left of it on the wire. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject } from '../../../../shared/domain/json.ts';
import type { Call, FaultKind, Faults, Journal } from '../../world/faults.ts';
import type { Random } from '../../world/random.ts';
import { text } from '../object.ts';
import { readBody } from './body.ts';
import { answerPath, answerResource, type Exchange, type Rules } from './dispatch.ts';
import { type Identity, identify, type Tokens, unauthorized } from './identity.ts';
import { failureReply, type Reply, sendBody } from './reply.ts';
import { isSet, type RequestInfo, readRequest } from './requestInfo.ts';
import { streamWatch } from './watchStream.ts';
import { blocksBefore, RefusedByFault, spoiled } from './wireFaults.ts';

/** Everything a request needs to know of the server. */
export interface Door extends Rules {
  readonly tokens: Tokens;
  readonly name: string;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly random: Random;
  readonly withoutToken: Identity;
}

/** Answers one request; never rejects. */
export async function serve(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request).catch((error: unknown) => asError(error));
  await new Turn(door, request, response, body).run();
}

class Turn {
  readonly #door: Door;
  readonly #headers: IncomingHttpHeaders;
  readonly #response: ServerResponse;
  readonly #url: URL;
  readonly #method: string;
  /** What is asked, or why nobody can answer it. */
  readonly #info: RequestInfo | Error;
  readonly #identity: Identity | undefined;
  /** What came, or why it was not read. */
  readonly #body: string | Error;
  readonly #call: Call;
  readonly #fault: FaultKind | undefined;

  constructor(door: Door, request: IncomingMessage, response: ServerResponse, body: string | Error) {
    this.#body = body;
    this.#door = door;
    this.#headers = request.headers;
    this.#response = response;
    // Put behind a fixed host: a target like "//" would not parse on its own, and nobody would catch that.
    this.#url = new URL(`http://door${request.url?.startsWith('/') ? request.url : '/'}`);
    this.#method = request.method ?? 'GET';
    this.#info = attempt(() => readRequest(this.#method, this.#url.pathname, this.#url.searchParams));
    this.#identity = identify(request.headers, door.tokens, door.withoutToken);
    this.#call = door.journal.begin({
      door: door.name,
      caller: this.#identity?.user ?? 'unknown',
      ...described(this.#info, this.#method, this.#url, body),
      at: door.world.clock.now(),
    });
    this.#fault = door.faults.take(this.#call);
    // Watches, hanging calls and lost replies end here and nowhere else.
    response.once('close', () => this.#finish('ok'));
  }

  async run(): Promise<void> {
    try {
      if (await blocksBefore(this.#fault, this.#response, this.#door.world.clock)) return;
      this.#send(this.#answer());
    } catch (error) {
      // A client that has gone needs no answer.
      if (this.#response.destroyed) return;
      const reply = error instanceof RefusedByFault ? error.reply : failureReply(error);
      this.#finish(String(reply.status));
      sendBody(this.#response, reply, this.#door.world.clock.now());
    }
  }

  #answer(): Reply {
    const body = this.#body;
    if (body instanceof Error) throw body;
    if (this.#identity === undefined) throw unauthorized();
    const info = this.#info;
    if (info instanceof Error) throw info;
    const exchange: Exchange = {
      method: this.#method,
      path: this.#url.pathname,
      query: this.#url.searchParams,
      headers: this.#headers,
      body,
      identity: this.#identity,
      address: this.#headers.host ?? '127.0.0.1',
    };
    return info.kind === 'path' ? answerPath(this.#door, exchange, info) : answerResource(this.#door, exchange, info);
  }

  /** The world has answered; the fault decides what of it arrives. */
  #send(reply: Reply): void {
    const clock = this.#door.world.clock;
    if (this.#fault?.kind === 'lostAfter') {
      this.#response.destroy();
      return;
    }
    if (reply.kind === 'watch') {
      streamWatch(this.#response, reply, clock, isSet(this.#url.searchParams.get('allowWatchBookmarks')));
      return;
    }
    this.#finish('ok');
    sendBody(this.#response, spoiled(reply, this.#fault, this.#door.random), clock.now());
  }

  #finish(outcome: string): void {
    if (this.#call.endedAt !== undefined) return;
    const struck = this.#fault !== undefined && this.#fault.kind !== 'status';
    this.#call.outcome = struck ? this.#fault.kind : outcome;
    this.#call.endedAt = this.#door.world.clock.now();
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return asError(error);
  }
}

/** "create jobs" of "namespace/name": for resources as the in-process door writes it. */
function described(
  info: RequestInfo | Error,
  method: string,
  url: URL,
  body: string | Error,
): Pick<Call, 'verb' | 'target'> {
  if (info instanceof Error) return { verb: `${method} unknown`, target: url.pathname };
  if (info.kind === 'path') return { verb: `${info.verb} path`, target: url.pathname };
  const resource = info.subresource === undefined ? info.resource : `${info.resource}/${info.subresource}`;
  const selectors = ['labelSelector', 'fieldSelector'].map((key) => url.searchParams.get(key));
  const about = namesMany.has(info.verb) ? selectors.filter((selector) => selector !== null).join(';') : info.name;
  return { verb: `${info.verb} ${resource}`, target: `${info.namespace ?? ''}/${about ?? nameIn(body)}` };
}

const namesMany = new Set(['list', 'watch', 'deletecollection']);

function nameIn(body: string | Error): string {
  const parsed: unknown = typeof body === 'string' ? attempt(() => JSON.parse(body) as unknown) : undefined;
  if (!isJsonObject(parsed)) return '';
  return text(parsed, 'metadata', 'name') ?? text(parsed, 'metadata', 'generateName') ?? '';
}
