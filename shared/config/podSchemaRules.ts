/**
 * What the API server asks of a pod beyond the kinds of its fields, as far as a pod block can break it. Each rule is
 * one of k8s.io/kubernetes/pkg/apis/core/validation (v1.36).
 */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { parseQuantity } from '../domain/quantity.ts';
import { foundKind } from './paths.ts';

/** `pod` is of the right shape already. */
export function podRuleProblems(pod: JsonObject): readonly ConfigProblem[] {
  const volumes = objects(pod['volumes']);
  const containers = ['containers', 'initContainers'].flatMap((list) =>
    objects(pod[list]).map((container) => ({ container, path: `${list}[${nameOf(container)}]` })),
  );
  const names = containers.map(({ container }) => nameOf(container));
  return [
    ...volumes.flatMap((volume) => sourceProblems(volume, `volumes[${nameOf(volume)}]`)),
    ...containers.flatMap(({ container, path }, index) => [
      ...nameProblems(container, path, names.slice(0, index)),
      ...containerProblems(container, path, new Set(volumes.map(nameOf))),
      ...procMountProblems(container, path, pod),
    ]),
    ...objects(pod['tolerations']).flatMap((each, index) => tolerationProblems(each, `tolerations[${index}]`)),
    ...dnsProblems(pod),
  ];
}

const objects = (value: JsonValue | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const objectAt = (value: JsonObject, key: string): JsonObject => {
  const found = value[key];
  return isJsonObject(found) ? found : {};
};
const textAt = (value: JsonObject, key: string): string => {
  const text = value[key];
  return typeof text === 'string' ? text : '';
};
const nameOf = (value: JsonObject): string => textAt(value, 'name');
const problem = (path: string, rule: string, value?: JsonValue): ConfigProblem => ({
  path,
  rule,
  found: foundKind(value),
});

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function sourceProblems(volume: JsonObject, path: string): readonly ConfigProblem[] {
  const named = dnsLabel.test(nameOf(volume))
    ? []
    : [problem(`${path}.name`, 'must be 1 to 63 of a-z, 0-9 and -', volume['name'])];
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  return sources.length === 1 ? named : [...named, problem(path, 'must have exactly one source', volume)];
}

function nameProblems(container: JsonObject, path: string, taken: readonly string[]): readonly ConfigProblem[] {
  const name = nameOf(container);
  if (!dnsLabel.test(name)) return [problem(`${path}.name`, 'must be 1 to 63 of a-z, 0-9 and -', name)];
  return taken.includes(name)
    ? [problem(path, 'must have a name that no other container and init container has', name)]
    : [];
}

function containerProblems(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>,
): readonly ConfigProblem[] {
  const image = container['image'];
  return [
    ...(typeof image === 'string' && image.trim() !== '' ? [] : [problem(`${path}.image`, 'must be an image', image)]),
    ...objects(container['volumeMounts'])
      .filter((mount) => !volumes.has(nameOf(mount)))
      .map((mount) =>
        problem(`${path}.volumeMounts[${textAt(mount, 'mountPath')}].name`, 'must be one of the volumes'),
      ),
    ...objects(container['env']).flatMap((variable) => variableProblems(variable, `${path}.env[${nameOf(variable)}]`)),
    ...resourceProblems(objectAt(container, 'resources'), `${path}.resources`),
  ];
}

function variableProblems(variable: JsonObject, path: string): readonly ConfigProblem[] {
  const { value, valueFrom } = variable;
  if (!isJsonObject(valueFrom)) return [];
  if (typeof value === 'string' && value !== '') return [problem(path, 'must have a value or a valueFrom', variable)];
  const sources = Object.keys(valueFrom);
  return sources.length === 1 ? [] : [problem(`${path}.valueFrom`, 'must have exactly one source', valueFrom)];
}

/** Those without a domain are a closed set. */
const nativeResources = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

function resourceProblems(resources: JsonObject, path: string): readonly ConfigProblem[] {
  const [requests, limits] = [objectAt(resources, 'requests'), objectAt(resources, 'limits')];
  const names = new Set([...Object.keys(requests), ...Object.keys(limits)]);
  return [...names].flatMap((name) => {
    if (!nativeResources.test(name) && !name.includes('/')) {
      return [problem(path, 'must name cpu, memory, ephemeral-storage, hugepages-* or a resource with a domain', name)];
    }
    return amountProblems(name, { request: requests[name], limit: limits[name], path });
  });
}

interface Amounts {
  readonly request: JsonValue | undefined;
  readonly limit: JsonValue | undefined;
  readonly path: string;
}

const amountOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'string' ? parseQuantity(value) : typeof value === 'number' ? value : undefined;

function amountProblems(name: string, { request, limit, path }: Amounts): readonly ConfigProblem[] {
  const [asked, most] = [request, limit].map(amountOf);
  if (nativeResources.test(name)) {
    const isOver = asked !== undefined && most !== undefined && asked > most;
    return isOver ? [problem(`${path}.limits.${name}`, 'must not be below the request', limit)] : [];
  }
  // Devices are not shared: what is asked for is what may be used.
  return most === undefined || (asked !== undefined && asked !== most)
    ? [problem(`${path}.limits.${name}`, 'must be given, and equal to the request if there is one', limit)]
    : [];
}

function procMountProblems(container: JsonObject, path: string, pod: JsonObject): readonly ConfigProblem[] {
  const { procMount } = objectAt(container, 'securityContext');
  return procMount === 'Unmasked' && pod['hostUsers'] !== false
    ? [problem(`${path}.securityContext.procMount`, 'must be Default unless hostUsers is false', procMount)]
    : [];
}

function tolerationProblems(toleration: JsonObject, path: string): readonly ConfigProblem[] {
  const { key = '', operator = 'Equal', value = '', tolerationSeconds, effect } = toleration;
  if (operator === 'Exists' && value !== '') {
    return [problem(`${path}.value`, 'must not be given where the operator is Exists', value)];
  }
  if (key === '' && operator !== 'Exists') {
    return [problem(`${path}.operator`, 'must be Exists where there is no key', toleration['operator'])];
  }
  return tolerationSeconds !== undefined && effect !== 'NoExecute'
    ? [problem(`${path}.effect`, 'must be NoExecute where tolerationSeconds is given', effect)]
    : [];
}

function dnsProblems(pod: JsonObject): readonly ConfigProblem[] {
  const servers = objectAt(pod, 'dnsConfig')['nameservers'];
  const hasServers = Array.isArray(servers) && servers.length > 0;
  return pod['dnsPolicy'] === 'None' && !hasServers
    ? [problem('dnsConfig.nameservers', 'must be given where dnsPolicy is None')]
    : [];
}
