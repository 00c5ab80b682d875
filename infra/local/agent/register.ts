/**
 * `config.sh --unattended --auth pat` in as many calls as decide anything: the connection, the pool by its name, the
 * agent by its name, the registration with a key of its own (azure-pipelines-agent ConfigurationManager.cs). The
 * credential goes as the password of Basic whatever it is, a PAT or an Entra token (CredentialProvider.cs).
 */
import { z } from 'zod';
import type { Capabilities } from '../../../shared/domain/agent.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import type { AgentKey } from '../../../shared/ports.ts';

/** Why config.sh ended, as the entrypoint tells it apart. */
export type RegistrationFailure = 'nameExists' | 'refused' | 'unreachable' | 'failed';

export class RegistrationEnded extends Error {
  override readonly name = 'RegistrationEnded';
  readonly why: RegistrationFailure;

  constructor(why: RegistrationFailure, message: string) {
    super(message);
    this.why = why;
  }
}

export interface Registration {
  /** Of the organisation, without a slash at its end. */
  readonly url: string;
  readonly poolName: string;
  readonly agentName: string;
  readonly token: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly publicKey: AgentKey['publicKey'];
  readonly signal: AbortSignal;
}

export interface Registered {
  readonly agentId: number;
  readonly poolId: number;
  readonly serverUrl: string;
  /** undefined = the server gave no OAuth client; config.sh would keep the credential that it was given. */
  readonly authorization: { readonly clientId: string; readonly authorizationUrl: string } | undefined;
}

const listed = z.object({ value: z.array(z.object({ id: z.int().positive(), name: z.string() })) });

const answered = z.object({
  id: z.int().positive(),
  authorization: z.object({ clientId: z.string(), authorizationUrl: z.url() }).optional(),
  properties: z
    .object({ ServerUrl: z.object({ $value: z.url() }) })
    .partial()
    .optional(),
});

const statusMeans: Readonly<Record<number, RegistrationFailure>> = {
  203: 'refused',
  302: 'refused',
  401: 'refused',
  403: 'refused',
  409: 'nameExists',
  502: 'unreachable',
  503: 'unreachable',
  504: 'unreachable',
};

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

async function messageOf(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => undefined);
  const message = isJsonObject(body) ? body['message'] : undefined;
  return typeof message === 'string' ? message : `status ${answer.status}`;
}

async function send({ url, token, signal }: Registration, { method, path, body }: Call): Promise<Response> {
  const headers = {
    authorization: `Basic ${Buffer.from(`VstsAgent:${token}`).toString('base64')}`,
    accept: 'application/json;api-version=7.1-preview.1',
    'x-tfs-fedauthredirect': 'Suppress',
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  try {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return await fetch(`${url}/_apis/${path}`, { method, headers, ...sent, redirect: 'manual', signal });
  } catch (error) {
    if (error instanceof TypeError) throw new RegistrationEnded('unreachable', `${method} ${path}: no answer`);
    throw error;
  }
}

async function call<T>(registration: Registration, request: Call, schema: z.ZodType<T>): Promise<T> {
  const answer = await send(registration, request);
  if (!answer.ok || answer.status === 203) {
    const why = statusMeans[answer.status] ?? 'failed';
    throw new RegistrationEnded(why, `${request.method} ${request.path}: ${await messageOf(answer)}`);
  }
  return schema.parse(await answer.json());
}

async function poolIdOf(registration: Registration): Promise<number> {
  const { poolName } = registration;
  const path = `distributedtask/pools?poolName=${encodeURIComponent(poolName)}&poolType=automation`;
  const { value } = await call(registration, { method: 'GET', path }, listed);
  const [pool] = value;
  // A pool that the identity may not see is not there for it.
  if (pool === undefined) throw new RegistrationEnded('failed', `Agent pool not found: '${poolName}'`);
  return pool.id;
}

/** The organisation's path as the server tells it, under the address that was given. */
function serverUrlOf(url: string, told: string | undefined): string {
  return told === undefined ? url : new URL(new URL(told).pathname, url).href;
}

/** Rejects with RegistrationEnded, or with the reason of `signal`. Never replaces an agent. */
export async function register(registration: Registration): Promise<Registered> {
  const { url, agentName, version, capabilities, publicKey } = registration;
  await call(registration, { method: 'GET', path: 'connectionData?connectOptions=1' }, z.object({}));
  const poolId = await poolIdOf(registration);
  const agents = `distributedtask/pools/${poolId}/agents`;
  const sameName = `${agents}?agentName=${encodeURIComponent(agentName)}&includeCapabilities=false`;
  const { value } = await call(registration, { method: 'GET', path: sameName }, listed);
  if (value.length > 0) {
    throw new RegistrationEnded('nameExists', `Pool ${poolId} already contains an agent with name ${agentName}.`);
  }
  const body = {
    name: agentName,
    version,
    osDescription: 'Linux',
    maxParallelism: 1,
    provisioningState: 'Provisioned',
    authorization: { publicKey },
    systemCapabilities: capabilities,
  };
  const agent = await call(registration, { method: 'POST', path: agents, body }, answered);
  return {
    agentId: agent.id,
    poolId,
    serverUrl: serverUrlOf(url, agent.properties?.ServerUrl?.$value),
    authorization: agent.authorization,
  };
}
