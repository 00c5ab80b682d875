/** What is wrong with a template's `pod` block, seen in the pod that this template would make. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { parseQuantity } from '../domain/quantity.ts';
import type { Template } from '../domain/template.ts';
import { generatedPodSpec } from '../plan/manifest.ts';
import { mergePod } from '../plan/podMerge.ts';
import { podSchemaProblems, podShapeProblems } from './podSchema.ts';

/**
 * `written` is the template as it stands in mayfly.yaml, whatever else is wrong with it. Paths are relative to the
 * pod spec: `containers[agent].resources.limits.cpu`.
 */
export function podBlockProblems(written: JsonObject): readonly ConfigProblem[] {
  const block = written['pod'];
  if (!isJsonObject(block) || Object.keys(block).length === 0) return [];
  const { pod, problems } = mergePod(generatedPodSpec(templateFor(written), 'any'), block);
  // A refused part is left out of the pod, so what refers to it would be told as a second problem.
  return problems.length === 0 ? podSchemaProblems(pod) : [...problems, ...podShapeProblems(pod)];
}

/** As much of a template as its pod is made of. */
function templateFor(written: JsonObject): Template {
  return {
    name: 'any',
    image: 'any',
    agentVersion: '0.0.0',
    os: written['os'] === 'windows' ? 'windows' : 'linux',
    architecture: 'amd64',
    capabilities: {},
    grantedDemands: [],
    cost: 1,
    parameters: { cpu: [], memory: [], image: {} },
    maxAgents: 1,
    cpu: largestCpu(written),
    memory: '1Gi',
    terminationGraceSeconds: 60,
    // A block may mount the bundle in its sidecars, too.
    ...(written['caBundle'] === undefined ? {} : { caBundle: { configMap: 'any', key: 'any' } }),
    pod: {},
  };
}

/** A limit in the block must be enough for whatever CPU a request may choose. Memory has no limit but its own. */
function largestCpu({ cpu = '1', parameters }: JsonObject): string {
  const choices = isJsonObject(parameters) ? parameters['cpu'] : undefined;
  const amounts = [cpu, ...(Array.isArray(choices) ? choices : [])].flatMap((value: JsonValue) =>
    typeof value === 'string' || typeof value === 'number' ? [String(value)] : [],
  );
  const sized = amounts.filter((text) => parseQuantity(text) !== undefined);
  return sized.toSorted((a, b) => (parseQuantity(b) ?? 0) - (parseQuantity(a) ?? 0))[0] ?? '1';
}
