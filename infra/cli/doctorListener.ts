/** The listener of the live probe: the agent's own client on the agent's own files, with every call bounded in time. */
import { httpKinds } from '../../shared/adapters/httpKinds.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { secondsMs } from '../../shared/domain/instant.ts';
import type { AgentFiles } from '../../shared/plan/agentFiles.ts';
import type { Clock } from '../../shared/ports.ts';
import type { ConnectListener, ProbeListener } from '../../shared/reconcile/probeDeps.ts';
import { within } from '../../shared/reconcile/within.ts';
import { AgentClient, type Session } from '../local/agent/client.ts';
import { readCredentials } from '../local/agent/credentials.ts';
import { Refused, TokenRevoked } from '../local/agent/protocol.ts';

const callMs = secondsMs(15);
/** A poll is held for 50 s. */
const pollMs = secondsMs(65);

/** A sign-in page (203, or a redirect to one) says neither yes nor no to the agent itself. */
function kindOfStatus(status: number): UpstreamErrorKind {
  if (status < 400) return 'unexpected';
  if (status >= 500) return 'unavailable';
  return httpKinds[status] ?? 'invalid';
}

function classified(operation: string, error: unknown): unknown {
  const upstream = 'azureDevOps';
  if (error instanceof TokenRevoked) {
    return new UpstreamError({ upstream, operation, kind: 'unauthorized', status: 400, detail: error.message });
  }
  if (error instanceof Refused) {
    const { status, typeKey } = error;
    const kind = kindOfStatus(status);
    const detail = typeKey === '' ? (kind === 'unexpected' ? 'a sign-in page' : undefined) : typeKey;
    return new UpstreamError({ upstream, operation, kind, status, detail });
  }
  if (error instanceof UpstreamError) return error;
  // What fetch throws when there is no connection.
  if (error instanceof TypeError)
    return new UpstreamError({ upstream, operation, kind: 'unavailable' }, { cause: error });
  const detail = error instanceof Error ? error.name : 'no error';
  return new UpstreamError({ upstream, operation, kind: 'unexpected', detail }, { cause: error });
}

class WireListener implements ProbeListener {
  readonly #client: AgentClient;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #session: Session | undefined;

  constructor(files: AgentFiles, machine: string, clock: Clock) {
    const revealed = { ...files, '.credentials_rsaparams': files['.credentials_rsaparams'].reveal() };
    this.#client = new AgentClient(readCredentials(revealed), machine, clock, this.#ended.signal);
    this.#clock = clock;
  }

  signIn(): Promise<void> {
    return this.#bounded("exchanging an agent's token", callMs, this.#client.signIn());
  }

  async openSession(capabilities: Parameters<ProbeListener['openSession']>[0]): Promise<void> {
    this.#session = await this.#bounded('opening a session', callMs, this.#client.openSession(capabilities));
  }

  poll(signal: AbortSignal): Promise<string | undefined> {
    return this.#bounded('polling for messages', pollMs, this.#client.peek(this.#open(), signal));
  }

  async closeSession(): Promise<void> {
    const session = this.#open();
    this.#session = undefined;
    await this.#bounded('closing a session', callMs, this.#client.closeSession(session));
  }

  end(): void {
    this.#ended.abort();
  }

  #open(): Session {
    if (this.#session === undefined) throw new RangeError('there is no session');
    return this.#session;
  }

  async #bounded<T>(operation: string, ms: number, call: Promise<T>): Promise<T> {
    try {
      return await within(this.#clock, ms, { upstream: 'azureDevOps', operation }, call);
    } catch (error) {
      throw classified(operation, error);
    }
  }
}

/** `machine` is what the server shows as the agent's computer. */
export const wireListener =
  (machine: string): ConnectListener =>
  (files, clock) =>
    new WireListener(files, machine, clock);
