/** Looks at a pool with nothing but its address: a token from the environment or the Azure CLI, perhaps a kubeconfig. */
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cachedTokens } from '../../shared/adapters/azure/tokens.ts';
import { azureDevOpsPools } from '../../shared/adapters/azureDevOps/pools.ts';
import type { AzureDevOpsCredential } from '../../shared/adapters/azureDevOps/rest.ts';
import type { KubernetesApi } from '../../shared/adapters/kubernetes/api.ts';
import { wireKubernetesApi } from '../../shared/adapters/kubernetes/wireApi.ts';
import { isLoopback } from '../../shared/adapters/loopback.ts';
import { systemClock } from '../../shared/adapters/system.ts';
import { errorKind, UpstreamError } from '../../shared/domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/domain/json.ts';
import { annotations, organisationShort } from '../../shared/domain/names.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { ReapPreview } from '../../shared/plan/reap.ts';
import { previewAlone, type UnconfiguredPool } from '../../shared/plan/reapAlone.ts';
import type { TokenSource } from '../../shared/ports.ts';
import { type Asked, Complaint, complaintOf } from './reapComplaint.ts';

type Environment = Readonly<Record<string, string | undefined>>;
/** Told before and after each read. */
export type Progress = (text: string) => void;

export interface AloneOptions {
  /** Its URL. */
  readonly organisation: string;
  readonly pool: number;
  readonly name?: string;
  readonly graceMs: number;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

const patNames = ['MAYFLY_PAT', 'AZURE_DEVOPS_EXT_PAT'] as const;
const neverExpires = Number.POSITIVE_INFINITY;

interface Credential {
  readonly credential: AzureDevOpsCredential;
  readonly told: string;
}

/** A PAT never stands among the arguments: any process can read those. */
function credentialOf(env: Environment): Credential {
  const name = patNames.find((candidate) => (env[candidate] ?? '').trim() !== '');
  if (name === undefined) {
    return { credential: { kind: 'bearer', tokens: azureCliTokens() }, told: 'the sign-in of the Azure CLI' };
  }
  const token = new Secret(env[name] ?? '');
  const getToken = async () => ({ token, expiresAt: neverExpires });
  return { credential: { kind: 'personalAccessToken', tokens: { getToken } }, told: `the token in ${name}` };
}

function azureCliTokens(): TokenSource {
  return cachedTokens(systemClock, async (scope) => {
    const { AzureCliCredential } = await import('@azure/identity');
    try {
      const { token, expiresOnTimestamp } = await new AzureCliCredential().getToken(scope);
      return { token: new Secret(token), expiresAt: expiresOnTimestamp };
    } catch {
      // Its own words may quote what the CLI printed.
      const names = patNames.toReversed().join(' nor ');
      throw new Complaint(`Neither ${names} is set, and the Azure CLI gives no token: \`az login\` signs it in.`);
    }
  });
}

function organisationOf(text: string): UnconfiguredPool['organisation'] & { readonly url: string } {
  const url = text.replace(/\/+$/, '');
  const { protocol, pathname, hostname } = new URL(url);
  if (protocol !== 'https:' && !isLoopback(url)) throw new Complaint(`A token is sent to https only, not to ${url}.`);
  const name = pathname.split('/').findLast((part) => part !== '') ?? hostname.split('.')[0] ?? hostname;
  return { url, name, short: organisationShort(url) };
}

/** undefined = none was named. */
function kubeconfigOf({ kubeconfig, context, namespace }: AloneOptions, env: Environment): string | undefined {
  if (kubeconfig !== undefined) return kubeconfig;
  if (context === undefined && namespace === undefined) return undefined;
  return env['KUBECONFIG']?.split(delimiter)[0] || join(homedir(), '.kube', 'config');
}

const at = (object: JsonObject, ...path: readonly string[]): JsonValue | undefined =>
  path.reduce<JsonValue | undefined>((value, key) => (isJsonObject(value) ? value[key] : undefined), object);

/** Only what is certain to run nothing any more counts as over. */
function isOver(object: JsonObject): boolean {
  const phases: readonly (JsonValue | undefined)[] = ['Succeeded', 'Failed', 'tombstone', 'rolledBack'];
  const phase = at(object, 'status', 'phase') ?? at(object, 'metadata', 'annotations', annotations.phase);
  return phases.includes(phase);
}

async function namesIn(api: KubernetesApi, namespace: string): Promise<readonly string[]> {
  const listed = await Promise.all([api.list('jobs', namespace), api.list('pods', namespace)]);
  return listed.flat().flatMap((object) => {
    const name = at(object, 'metadata', 'name');
    return typeof name === 'string' && !isOver(object) ? [name] : [];
  });
}

async function runningIn(
  options: AloneOptions,
  env: Environment,
  progress: Progress,
): Promise<Pick<UnconfiguredPool, 'running' | 'clusterUnknown'>> {
  const path = kubeconfigOf(options, env);
  if (path === undefined) return {};
  const { context, namespace = 'mayfly-agents' } = options;
  const access = { kind: 'kubeconfigFile', path, ...(context !== undefined && { context }) } as const;
  progress(`reading Jobs and pods of ${namespace}`);
  try {
    const running = await namesIn(wireKubernetesApi(access), namespace);
    progress(`${running.length} Jobs and pods that are not over`);
    return { running };
  } catch (error) {
    const why = error instanceof UpstreamError ? error.message : errorKind(error);
    return { clusterUnknown: { name: context ?? path, why } };
  }
}

/** Rejects with a Complaint where the pool cannot be read; a cluster that cannot is told in the preview. */
export async function lookAlone(options: AloneOptions, env: Environment, progress: Progress): Promise<ReapPreview> {
  const { pool: poolId, name: pattern, graceMs } = options;
  const organisation = organisationOf(options.organisation);
  const { credential, told } = credentialOf(env);
  const asked: Asked = { url: organisation.url, poolId, credential: told };
  const pools = azureDevOpsPools({ organisationUrl: organisation.url, credential });
  const read = async <T>(what: string, call: () => Promise<{ value: readonly T[]; at: number }>) => {
    progress(`reading ${what} of pool ${poolId}`);
    try {
      const answer = await call();
      progress(`${answer.value.length} ${what}`);
      return answer;
    } catch (error) {
      throw error instanceof UpstreamError && error.upstream === 'azureDevOps' ? complaintOf(error, asked) : error;
    }
  };
  const [agents, running] = await Promise.all([
    read('agents', () => pools.listAgents(poolId)),
    runningIn(options, env, progress),
  ]);
  // Last, as in a pass: whoever is busy is known as late as possible.
  const requests = await read('unfinished requests', () => pools.listJobRequests(poolId));
  return previewAlone({
    organisation,
    poolId,
    at: requests.at,
    agents: agents.value,
    requests: requests.value,
    graceMs,
    ...running,
    ...(pattern !== undefined && { pattern }),
  });
}
