/** World, HTTP door and tokens of Azure DevOps in one call, on virtual time unless a clock is given. */
import { getBearerHandler, getPersonalAccessTokenHandler, WebApi } from 'azure-devops-node-api';
import { defaultLimits, type WorldLimits } from '../../infra/local/azureDevOps/options.ts';
import {
  type AzureDevOpsServer,
  type AzureDevOpsServerOptions,
  startAzureDevOpsServer,
} from '../../infra/local/azureDevOps/wire/server.ts';
import { administrator, type Rights, TokenRegistry } from '../../infra/local/azureDevOps/wire/tokens.ts';
import { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import { VirtualClock, type WorldClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';

type DoorOptions = Omit<AzureDevOpsServerOptions, 'world' | 'clock' | 'tokens' | 'journal' | 'faults' | 'random'>;

export interface TestAzureDevOpsOptions<C extends WorldClock> extends DoorOptions {
  readonly clock?: C;
  readonly limits?: Partial<WorldLimits>;
  readonly parallelJobs?: number;
}

export interface TestAzureDevOps<C extends WorldClock> {
  readonly world: AzureDevOpsWorld;
  readonly clock: C;
  readonly server: AzureDevOpsServer;
  readonly url: string;
  readonly tokens: TokenRegistry;
  readonly faults: Faults;
  readonly journal: Journal;
  /** A personal access token and an Entra token of an administrator named "mayfly". */
  readonly pat: string;
  readonly entraToken: string;
  /** A further PAT with these rights. */
  addPat(name: string, rights: Rights): string;
  webApi(token?: string): WebApi;
  /** A call with Basic credentials and api-version 7.1; `path` begins after the organisation. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Response>;
  close(): Promise<void>;
}

interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export const basic = (token: string): string => `Basic ${Buffer.from(`:${token}`).toString('base64')}`;

const patOf = (name: string): string => name.padEnd(52, 'x').slice(0, 52);

export async function startTestAzureDevOps(): Promise<TestAzureDevOps<VirtualClock>>;
export async function startTestAzureDevOps<C extends WorldClock = VirtualClock>(
  options: TestAzureDevOpsOptions<C>,
): Promise<TestAzureDevOps<C>>;
export async function startTestAzureDevOps(
  options: TestAzureDevOpsOptions<WorldClock> = {},
): Promise<TestAzureDevOps<WorldClock>> {
  const { clock = new VirtualClock(), limits = {}, parallelJobs = 10, ...door } = options;
  const random = seededRandom(7);
  const atOnce = { ...defaultLimits, assignDelayMs: { min: 0, max: 0 } };
  const world = new AzureDevOpsWorld({ clock, random, parallelJobs, limits: { ...atOnce, ...limits } });
  const tokens = new TokenRegistry();
  const [faults, journal] = [new Faults(), new Journal()];
  const server = await startAzureDevOpsServer({ world, clock, tokens, faults, journal, random, ...door });
  const addPat = (name: string, rights: Rights): string => {
    tokens.add({ token: patOf(name), kind: 'pat', identity: { kind: 'user', name, rights } });
    return patOf(name);
  };
  const pat = addPat('mayfly', administrator);
  const entraToken = 'entra-token-of-mayfly';
  tokens.add({ token: entraToken, kind: 'entra', identity: { kind: 'user', name: 'mayfly', rights: administrator } });
  const webApi = (token = pat): WebApi => {
    const handler = token.length === 52 ? getPersonalAccessTokenHandler(token) : getBearerHandler(token);
    return new WebApi(server.url, handler);
  };
  const call = (method: string, path: string, body?: unknown, more: CallOptions = {}): Promise<Response> => {
    const { token = pat, headers, signal } = more;
    return fetch(`${server.url}/${path}`, {
      method,
      headers: {
        authorization: basic(token),
        accept: 'application/json;api-version=7.1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      redirect: 'manual',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  };
  const close = (): Promise<void> => server.close();
  return {
    world,
    clock,
    server,
    url: server.url,
    tokens,
    faults,
    journal,
    pat,
    entraToken,
    addPat,
    webApi,
    call,
    close,
  };
}

/** Lets sockets work until `holds`, without waiting for a fixed time; throws after ten real seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`It never came to hold: ${holds.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
