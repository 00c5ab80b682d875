/** What the small Azure stand-ins share: a server on 127.0.0.1 with a journal and scripted faults at its door. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonValue } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { FaultKind, Faults, Journal } from '../world/faults.ts';

export interface Answer {
  readonly status: number;
  readonly body?: JsonValue;
  /** Instead of a body: sent as it is, with a content type among the headers. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface DoorRequest {
  readonly method: string;
  /** Names decoded, no slash at the end: clients send `/secrets/x/` and `api%2Dversion=`. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Scheme, host and port as the caller named them. */
  readonly origin: string;
}

export interface DoorOptions {
  readonly name: string;
  readonly port: number;
  readonly clock: WorldClock;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly handle: (request: DoorRequest) => Answer;
}

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

export async function openDoor(options: DoorOptions): Promise<Door> {
  const server = createServer((request, response) => {
    serve(options, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(options: DoorOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name: door, clock } = options;
  const parsed = await parse(request);
  const told = {
    door,
    caller: String(request.headers['user-agent']),
    verb: parsed.method,
    target: `/${parsed.segments.join('/')}`,
  };
  const call = options.journal.begin({ ...told, at: clock.now() });
  const fault = options.faults.take(told);
  if (fault?.kind === 'slow') await clock.sleep(fault.ms);
  const answer = fault !== undefined && isInstead(fault) ? struck(fault) : options.handle(parsed);
  call.outcome = fault?.kind ?? String(answer?.status ?? 'lost');
  call.endedAt = clock.now();
  // The server's own time, which a client may plan by, and not that of this machine.
  response.setHeader('date', new Date(clock.now()).toUTCString());
  reply(response, answer, fault?.kind);
}

function reply(response: ServerResponse, answer: Answer | undefined, fault: FaultKind['kind'] | undefined): void {
  if (fault === 'hang') return;
  if (answer === undefined || fault === 'lostAfter') response.destroy();
  else write(response, answer, fault === 'truncated');
}

/** Faults that leave the world untouched. */
function isInstead({ kind }: FaultKind): boolean {
  return kind === 'status' || kind === 'lostBefore' || kind === 'hang' || kind === 'nullBody' || kind === 'signInPage';
}

function struck(fault: FaultKind): Answer | undefined {
  if (fault.kind === 'nullBody') return { status: 200, body: null };
  if (fault.kind !== 'status') return undefined;
  const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
  return {
    status: fault.status,
    headers,
    body: { error: { code: 'Scripted', message: 'The stand-in was told to answer so.' } },
  };
}

async function parse(request: IncomingMessage): Promise<DoorRequest> {
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    method: request.method ?? 'GET',
    segments: url.pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
    origin: url.origin,
  };
}

function write(response: ServerResponse, answer: Answer, truncated: boolean): void {
  const { status, body, headers } = answer;
  const text = answer.text ?? (body === undefined ? '' : JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  if (!truncated) response.end(text);
  else response.write(text.slice(0, text.length / 2), () => response.destroy());
}
