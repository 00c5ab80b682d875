/** What of the environment is no offer to pipelines. The agent reports every other variable as a capability. */
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

export const ignoreVariable = 'VSO_AGENT_IGNORE';

/** Injected into every container whatever enableServiceLinks says, and nobody's business. */
const injectedByKubernetes = [
  'KUBERNETES_PORT',
  'KUBERNETES_PORT_443_TCP',
  'KUBERNETES_PORT_443_TCP_ADDR',
  'KUBERNETES_PORT_443_TCP_PORT',
  'KUBERNETES_PORT_443_TCP_PROTO',
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
  'KUBERNETES_SERVICE_PORT_HTTPS',
];

const own = ['agent.disableupdate', 'AGENT_DIAGLOGPATH', 'WORKER_DIAGLOGPATH', ignoreVariable];

/**
 * Keeps what is no offer to pipelines from becoming a capability: above all whatever comes out of a Secret. `silent`
 * are names that Mayfly set and that say nothing.
 */
export function ignoring(container: JsonObject, silent: readonly string[]): JsonObject {
  const env = objects(container['env']);
  const asked = env.find((entry) => entry['name'] === ignoreVariable)?.['value'];
  const references = env
    .filter((entry) => entry['valueFrom'] !== undefined || isAddressWithPassword(entry['value']))
    .flatMap(({ name }) => (typeof name === 'string' && !isRemoved(name) ? [name] : []));
  const chosen = typeof asked === 'string' ? asked.split(',').map((name) => name.trim()) : [];
  const names = new Set<string>([...own, ...injectedByKubernetes, ...silent, ...references, ...chosen]);
  names.delete('');
  const ignore = { name: ignoreVariable, value: [...names].join(',') };
  return { ...container, env: env.map((entry) => (entry['name'] === ignoreVariable ? ignore : entry)) };
}

/** The entrypoint removes them before it starts anything. */
const isRemoved = (name: string): boolean => name.startsWith('MAYFLY_');

/** A proxy's user and password stand in its address: `http://user:password@proxy:3128`. */
function isAddressWithPassword(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && /:\/\/[^/?#\s]*@/.test(value);
}

export function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
