/**
 * A pod is evicted under a busy agent, with the built control plane in its host against all stand-ins over sockets: what
 * is said of it in the cluster and on the run needs rights, and comes out of the deployed ones.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { list, nameOf } from '../../infra/local/kubernetes/object.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { findSecrets } from '../support/secretWalk.ts';
import { agentKeys, poolSecrets, Recorder } from '../support/secretWalkPlaces.ts';

const namespace = 'mayfly-agents';
const limitMs = 60_000;
/** The server believes in a silent agent for so long. */
const leaseMs = 2000;

let directory: string;
let system: LocalSystem;
const recorder = new Recorder();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-scenario-'));
  await buildFunctions(directory);
  const sample = await readFile(join(repositoryRoot, 'mayfly.yaml'), 'utf8');
  const config = join(directory, 'mayfly.yaml');
  await writeFile(config, sample.replace('    maxAgents: 20\n', '    maxAgents: 20\n    runs: { rerunLost: true }\n'));
  recorder.watchConsole();
  system = await startLocalSystem({
    ...recorder.options,
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    seed: 1,
    podTimes: { schedule: [5, 50], pull: [10, 80], start: [5, 30], agent: [5, 50] },
    agentTimes: { renewEveryMs: 300 },
    hooks: { latencyMs: 50 },
    settings: { MAYFLY_CONFIG: config, MAYFLY_SWEEP: '*/2 * * * * *' },
  });
  recorder.watch(system);
  system.devOps.limits.leaseMs = leaseMs;
  system.devOps.limits.leaseSweepMs = { min: 0, max: 200 };
  await system.sweep();
  await until(() => system.leftOvers().placeholders.length === 4);
}, limitMs);

afterAll(async () => {
  recorder.stop();
  await system.close();
  await rm(directory, { recursive: true, force: true });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await system.clock.sleep(20);
}

const resultOf = (requestId: number): string | undefined => system.ledger.requests.get(requestId)?.result;

/** "LostMidJob", "RunAgain": what was said of the control maps. */
const told = (): readonly string[] =>
  (list(system.cluster.list('events', namespace).body, 'items') as readonly JsonObject[]).flatMap((event) =>
    event['reportingComponent'] === 'mayfly' && typeof event['reason'] === 'string' ? [event['reason']] : [],
  );

async function explained(requestId: number): Promise<string> {
  const { host } = system;
  const answer = await fetch(`${host?.url}/api/explain/contoso/1/${requestId}?format=text`, {
    headers: { 'x-functions-key': host?.keys.master ?? '' },
  });
  const text = await answer.text();
  recorder.add({ kind: 'answer', where: `explain ${requestId}`, text });
  return text;
}

describe('a pod that is evicted under a busy agent', { timeout: limitMs }, () => {
  it('is told of at once, explained with its last lines, and its job run again once', async () => {
    const queued = system.queueJob('linux', { durationMs: 3000 });
    if (queued.kind === 'refused') throw new Error(queued.message);
    const { requestId, runId } = queued;
    await until(() => system.devOps.getJobRequest(1, requestId).receivedAt !== undefined);
    const [pod] = list(system.cluster.list('pods', namespace).body, 'items') as readonly JsonObject[];
    system.cluster.log(namespace, nameOf(pod ?? {}), 'Running job: build\n');
    system.cluster.evictByNode(namespace, nameOf(pod ?? {}));
    await until(() => system.devOps.runs.tags(runId).length > 0);
    expect([told(), system.devOps.runs.tags(runId), resultOf(requestId)]).toEqual([
      ['LostMidJob'],
      ['mayfly-agent-lost'],
      undefined,
    ]);
    const text = await explained(requestId);
    expect(text).toContain(`of pod ${nameOf(pod ?? {})}`);
    await until(() => system.devOps.getRun(runId)?.result === 'succeeded');
    expect(resultOf(requestId)).toBe('abandoned');
    expect(system.devOps.runs.tags(runId)).toEqual(['mayfly-agent-lost', 'mayfly-rerun-__default']);
    expect(told().toSorted((a, b) => a.localeCompare(b))).toEqual(['LostMidJob', 'RunAgain']);
    expect(system.ledger.agentJobs.size).toBe(2);
  });

  it('is told of without a secret, in events, tags, last lines and answers', () => {
    const { places } = recorder;
    const told = ['event', 'runTag', 'podLog', 'answer', 'configMap', 'mainFile'] as const;
    expect(told.filter((kind) => !places.some((place) => place.kind === kind && place.text !== ''))).toEqual([]);
    expect(agentKeys(places)).not.toEqual([]);
    expect(findSecrets(places, [...poolSecrets(system), ...agentKeys(places)])).toEqual([]);
  });
});
