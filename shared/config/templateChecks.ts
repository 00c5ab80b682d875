/** What the parts of one template say of each other. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { generatedPodSpec } from '../plan/manifest.ts';
import { mergePod } from '../plan/podMerge.ts';
import { type Entry, type MakeProblem, textOf } from './entries.ts';
import { formatPath } from './paths.ts';

export function templateChecks(template: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  return [...imageChecks(template, problem), ...capabilityChecks(template, problem), ...podChecks(template)];
}

/** A tag can be moved under a running pool; what was promoted must be what runs. */
function imageChecks({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  const image = textOf(value['image']);
  if (image === undefined || image.trim() === '') return [];
  const at = [...path, 'image'];
  const digest = /^[^\s@]+@sha256:[0-9a-f]{64}$/;
  if (value['allowTags'] === true) {
    return /^[^\s@]+(@sha256:[0-9a-f]{64})?$/.test(image) ? [] : [problem(at, 'must be an image reference')];
  }
  return digest.test(image) ? [] : [problem(at, 'must carry a digest (@sha256:...) unless allowTags is true')];
}

/** The server looks capabilities up without regard to case. */
function capabilityChecks({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  const names = isJsonObject(value['capabilities']) ? Object.keys(value['capabilities']) : [];
  return names
    .filter((name, index) => names.slice(0, index).some((earlier) => earlier.toLowerCase() === name.toLowerCase()))
    .map((name) => problem([...path, 'capabilities', name], 'must differ from the others by more than case'));
}

/** Protection goes by path, so any template's generated pod shows what a block may not touch. */
const anyPod: JsonObject = generatedPodSpec(
  {
    name: 'any',
    image: 'any',
    agentVersion: '0.0.0',
    os: 'linux',
    architecture: 'amd64',
    capabilities: {},
    grantedDemands: [],
    cost: 1,
    maxAgents: 1,
    cpu: '1',
    memory: '1Gi',
    terminationGraceSeconds: 60,
    pod: {},
  },
  'any',
);

function podChecks({ path, value }: Entry): readonly ConfigProblem[] {
  if (!isJsonObject(value['pod'])) return [];
  const at = formatPath([...path, 'pod']);
  return mergePod(anyPod, value['pod']).problems.map((each) => ({ ...each, path: `${at}.${each.path}` }));
}
