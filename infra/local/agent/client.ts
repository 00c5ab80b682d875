/** The agent's calls, under its own token, over fetch and its kept connections. */
import type { z } from 'zod';
import type { Capabilities } from '../../../shared/domain/agent.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import type { Clock } from '../../../shared/ports.ts';
import { claimsOf, signed, tokenForm } from './assertion.ts';
import type { AgentCredentials } from './credentials.ts';
import { decrypted, unwrapKey } from './envelope.ts';
import {
  cancellationSchema,
  type IncomingMessage,
  type JobMessage,
  jobMessageSchema,
  messageSchema,
  messageTypeSchema,
  Refused,
  sessionSchema,
  TokenRevoked,
  tokenSchema,
} from './protocol.ts';
import { reportedCapabilities } from './reported.ts';

export interface Session {
  readonly id: string;
  readonly aes: Buffer;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** After the server URL. */
  readonly path: string;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/**
 * Sessions and messages are in no public reference and have never left preview: without the revision they would be
 * refused (azure-devops-node-api 17.0.1 sends 7.2-preview.1 to them).
 */
const apiVersion = '7.1-preview.1';

/** Of a token's life; the rest is for calls that are on their way. */
const usedShare = 0.8;

/** The name of an exception as the server spells it; nothing where the answer is no such thing. */
function typeKeyOf(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    const typeKey = isJsonObject(body) ? body['typeKey'] : undefined;
    return typeof typeKey === 'string' ? typeKey : '';
  } catch {
    return '';
  }
}

/** RFC 6749, 5.2. */
async function tokenRefusal(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined);
  const words = isJsonObject(body) ? [body['error'], body['error_description']] : [];
  return (
    words
      .filter((word) => typeof word === 'string')
      .join(': ')
      .slice(0, 200) || 'refused'
  );
}

async function parsed<T>(answer: Response, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(await answer.json());
}

export class AgentClient {
  readonly credentials: AgentCredentials;
  readonly #machine: string;
  readonly #clock: Clock;
  readonly #killed: AbortSignal;
  #token: { readonly value: string; readonly until: number } | undefined;

  /** `machine` is its host's name, which in a pod is the pod's. Every call ends when `killed` aborts. */
  constructor(credentials: AgentCredentials, machine: string, clock: Clock, killed: AbortSignal) {
    this.credentials = credentials;
    this.#machine = machine;
    this.#clock = clock;
    this.#killed = killed;
  }

  /** Gets a token of its own, unless it has one that lasts. Throws TokenRevoked where the server refuses the key. */
  async signIn(): Promise<void> {
    await this.#bearer();
  }

  /** With a scan of this machine, unless the capabilities are given. */
  async openSession(given?: Capabilities): Promise<Session> {
    const { agentId: id, agentName: name, capabilities, privateKey } = this.credentials;
    const scanned = reportedCapabilities(name, this.#machine, capabilities);
    const body = {
      ownerName: this.#machine,
      agent: { id, name, version: scanned['Agent.Version'], osDescription: 'Linux' },
      systemCapabilities: given ?? scanned,
    };
    const answer = await this.#send({ method: 'POST', path: this.#pool('sessions'), body });
    const { sessionId, encryptionKey } = await parsed(answer, sessionSchema);
    const { encrypted, value } = encryptionKey;
    return { id: sessionId, aes: encrypted ? unwrapKey(privateKey, value) : Buffer.from(value, 'base64') };
  }

  async closeSession(session: Session): Promise<void> {
    await this.#send({ method: 'DELETE', path: this.#pool(`sessions/${session.id}`) });
  }

  /** The type of the oldest message, which stays where it is; undefined = the server held the call and had none. */
  async peek(session: Session, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#send({ method: 'GET', path: this.#pool(`messages?sessionId=${session.id}`), signal });
    return answer.status === 202 ? undefined : (await parsed(answer, messageTypeSchema)).messageType;
  }

  /** undefined = the server held the call and had nothing to say. */
  async nextMessage(session: Session, last: number, signal: AbortSignal): Promise<IncomingMessage | undefined> {
    const query = `sessionId=${session.id}&lastMessageId=${last === 0 ? '' : last}`;
    const answer = await this.#send({ method: 'GET', path: this.#pool(`messages?${query}`), signal });
    if (answer.status === 202) return undefined;
    const { messageId: id, messageType, ...envelope } = await parsed(answer, messageSchema);
    const content = decrypted(session.aes, envelope);
    if (messageType === 'PipelineAgentJobRequest') return { kind: 'job', id, job: jobMessageSchema.parse(content) };
    if (messageType !== 'JobCancellation') return { kind: 'other', id };
    return { kind: 'cancellation', id, jobId: cancellationSchema.parse(content).jobId };
  }

  async deleteMessage(session: Session, messageId: number): Promise<void> {
    await this.#send({ method: 'DELETE', path: this.#pool(`messages/${messageId}?sessionId=${session.id}`) });
  }

  async renew(requestId: number): Promise<void> {
    const lockToken = '00000000-0000-0000-0000-000000000000';
    const path = this.#pool(`jobrequests/${requestId}?lockToken=${lockToken}`);
    await this.#send({ method: 'PATCH', path, body: { requestId } });
  }

  /** As the worker of a plan of version 8 and later reports; an agent that runs once says that it shuts down. */
  async complete(job: JobMessage, result: TaskResult): Promise<void> {
    const { requestId, jobId, plan } = job;
    const path = `00000000-0000-0000-0000-000000000000/_apis/distributedtask/hubs/${plan.planType}/plans/${plan.planId}/events`;
    const body = { name: 'JobCompleted', requestId, jobId, result, agentShuttingDown: true };
    await this.#send({ method: 'POST', path, body });
  }

  #pool(rest: string): string {
    return `_apis/distributedtask/pools/${this.credentials.poolId}/${rest}`;
  }

  async #send(call: Call): Promise<Response> {
    const first = await this.#sendOnce(call);
    if (first.status !== 401) return accepted(call, first);
    await first.body?.cancel();
    this.#token = undefined;
    return accepted(call, await this.#sendOnce(call));
  }

  async #sendOnce({ method, path, body, signal }: Call): Promise<Response> {
    const token = await this.#bearer();
    return fetch(`${this.credentials.serverUrl}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: `application/json;api-version=${apiVersion}`,
        'x-tfs-fedauthredirect': 'Suppress',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal: signal === undefined ? this.#killed : AbortSignal.any([signal, this.#killed]),
    });
  }

  async #bearer(): Promise<string> {
    const now = this.#clock.now();
    if (this.#token !== undefined && this.#token.until > now) return this.#token.value;
    const { clientId, authorizationUrl, oauthEndpointUrl, privateKey } = this.credentials;
    const assertion = signed(claimsOf(clientId, authorizationUrl, now), privateKey);
    const answer = await fetch(oauthEndpointUrl, {
      method: 'POST',
      body: tokenForm(assertion),
      signal: this.#killed,
    });
    if (answer.status === 400) throw new TokenRevoked(`No token for ${clientId}: ${await tokenRefusal(answer)}`);
    const { access_token: value, expires_in: seconds } = await parsed(
      await accepted({ method: 'POST', path: oauthEndpointUrl }, answer),
      tokenSchema,
    );
    this.#token = { value, until: now + seconds * 1000 * usedShare };
    return value;
  }
}

async function accepted({ method, path }: Call, answer: Response): Promise<Response> {
  if (answer.ok && answer.status !== 203) return answer;
  throw new Refused(`${method} ${path}`, answer.status, typeKeyOf(await answer.text()));
}
