/** Which pools an event may be about. It names none, so the answer is all pools of its organisation, or all there are. */
import type { PoolRoute } from '../domain/intent.ts';
import type { JobEvent } from './parse.ts';

/**
 * The name of the organisation in an Azure DevOps URL, lower case: the first path segment on dev.azure.com, the first
 * label of an old `NAME.visualstudio.com`, and on any other host the host with the first segment.
 */
function organisationKey(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { host, pathname } = new URL(url);
  const [label] = host.split('.');
  if (/^[^.]+\.visualstudio\.com$/.test(host)) return label?.toLowerCase();
  const segment = pathname.split('/').find((part) => part !== '') ?? '';
  if (host === 'dev.azure.com') return segment.toLowerCase();
  return `${host}/${segment}`.toLowerCase();
}

/**
 * The pools of the organisation that the envelope names. One that is not ours, or cannot be told, rings for all pools:
 * looking once in vain is cheap, while a pool that is not looked at waits for the sweep.
 */
export function candidatePools(event: JobEvent, pools: readonly PoolRoute[]): readonly PoolRoute[] {
  const named = new Set(event.organisationUrls.map(organisationKey));
  const matching = pools.filter((pool) => named.has(organisationKey(pool.organisationUrl)));
  return matching.length === 0 ? pools : matching;
}
