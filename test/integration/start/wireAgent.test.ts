/** The agent in its container against the HTTP door: real key, real files, real protocol. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ListenerTimes } from '../../../infra/local/agent/listener.ts';
import { wireAgent } from '../../../infra/local/agent/wireAgent.ts';
import type { RequestRecord } from '../../../infra/local/azureDevOps/records.ts';
import type { ContainerContext } from '../../../infra/local/kubernetes/podStory.ts';
import { SystemClock } from '../../../infra/local/world/clock.ts';
import { rsaAgentKeys } from '../../../shared/adapters/azureDevOps/agentKeys.ts';
import { type AgentFiles, buildAgentFiles } from '../../../shared/plan/agentFiles.ts';
import { agentFilesFolder, agentFilesVolume } from '../../../shared/plan/podPlaces.ts';
import { startTestAzureDevOps, type TestAzureDevOps, until } from '../../support/azureDevOpsServer.ts';

const key = await rsaAgentKeys().generate();
const capabilities = { 'Agent.Version': '5.278.0', size: 'large' };
/** Waiting is a few ms here; what is decided is the same. */
const times: ListenerTimes = { afterEmptyPoll: () => 5, retryMs: 10, conflictMs: 60, renewEveryMs: 20 };

let devOps: TestAzureDevOps<SystemClock>;
let poolId: number;

interface Container {
  readonly exitCode: Promise<number>;
  readonly term: () => void;
  readonly kill: () => void;
}

const mounted = (files: AgentFiles): Readonly<Record<string, string>> => ({
  ...files,
  '.credentials_rsaparams': files['.credentials_rsaparams'].reveal(),
});

interface Registered {
  readonly id: number;
  readonly files: Readonly<Record<string, string>>;
}

function register(name = 'mf-a'): Registered {
  const agent = devOps.world.addAgent(poolId, { name, publicKey: key.publicKey, systemCapabilities: capabilities });
  const files = buildAgentFiles({
    agentName: name,
    agentId: agent.id,
    poolId,
    poolName: 'linux',
    serverUrl: devOps.url,
    clientId: agent.clientId ?? '',
    authorizationUrl: devOps.world.organisation.authorizationUrl,
    rsaParameters: key.rsaParameters,
    capabilities,
  });
  return { id: agent.id, files: mounted(files) };
}

function start(files: Readonly<Record<string, string>>, graceSeconds = 3600): Container {
  const terminated = new AbortController();
  const killed = new AbortController();
  const context: ContainerContext = {
    pod: {
      metadata: { name: 'mf-a-x2x4z' },
      spec: {
        terminationGracePeriodSeconds: graceSeconds,
        containers: [
          { name: 'agent', volumeMounts: [{ name: agentFilesVolume, mountPath: agentFilesFolder, readOnly: true }] },
        ],
        volumes: [{ name: agentFilesVolume, secret: { secretName: 'mf-a' } }],
      },
    },
    container: 'agent',
    readSecretFiles: (volume) => (volume === agentFilesVolume ? files : {}),
    scratch: new Map(),
    print: (words) => printed.push(words.replace(/^[^Z]*Z: /, '')),
    terminated: terminated.signal,
    killed: killed.signal,
    clock: devOps.clock,
  };
  running.push(() => killed.abort());
  return {
    exitCode: wireAgent({ times }).run(context),
    term: () => terminated.abort(),
    kill: () => killed.abort(),
  };
}

const printed: string[] = [];
const running: (() => void)[] = [];

function queue(durationMs: number): number {
  const queued = devOps.world.queueJob({ poolId, durationMs, demands: ['size -equals large'] });
  if (queued.kind === 'refused') throw new Error(queued.message);
  return queued.requestId;
}

const request = (id: number): RequestRecord => devOps.world.getJobRequest(poolId, id);
const online = (): boolean => devOps.world.listAgents(poolId).some((agent) => agent.online);
const received = (id: number) => (): boolean => request(id).receivedAt !== undefined;

beforeEach(async () => {
  devOps = await startTestAzureDevOps({ clock: new SystemClock(), holdMs: 100 });
  poolId = devOps.world.addPool({ name: 'linux' }).id;
});
afterEach(async () => {
  printed.length = 0;
  for (const kill of running.splice(0)) kill();
  await devOps.close();
});

describe('an agent that runs once', () => {
  it('runs one job, reports it and ends with 0', async () => {
    const { id, files } = register();
    const { exitCode } = start(files);
    const requestId = queue(50);
    expect(await exitCode).toBe(0);
    expect(request(requestId)).toMatchObject({ result: 'succeeded', ranBy: 'mf-a' });
    expect(devOps.world.getAgent(poolId, id)).toMatchObject({ online: false, systemCapabilities: { size: 'large' } });
  });

  it('prints when it listens, what it runs and how that ended', async () => {
    const { exitCode } = start(register().files);
    queue(10);
    await exitCode;
    expect(printed).toEqual([
      'Listening for Jobs\n',
      'Running job: Job\n',
      'Job Job completed with result: Succeeded\n',
    ]);
  });

  it('tells of itself what every agent tells', async () => {
    const { id, files } = register();
    start(files);
    await until(online);
    expect(devOps.world.getAgent(poolId, id).systemCapabilities).toEqual({
      'Agent.Name': 'mf-a',
      'Agent.ComputerName': 'mf-a-x2x4z',
      'Agent.HomeDirectory': '/opt/mayfly/agent',
      'Agent.Version': '5.278.0',
      'Agent.OS': 'Linux',
      'Agent.OSArchitecture': 'X64',
      size: 'large',
    });
  });

  it('takes no second job', async () => {
    const { exitCode } = start(register().files);
    const [first, second] = [queue(10), queue(10)];
    expect(await exitCode).toBe(0);
    expect([request(first).result, request(second).result]).toEqual(['succeeded', undefined]);
  });

  it('renews its lease while it works', async () => {
    const { exitCode } = start(register().files);
    const requestId = queue(60_000);
    const isRenewal = ({ verb }: { readonly verb: string }): boolean => /^PATCH.*jobrequests/.test(verb);
    await until(() => devOps.journal.calls.filter(isRenewal).length > 3);
    devOps.world.cancelJob(requestId);
    expect(await exitCode).toBe(0);
  });

  it('reports a job as canceled when the server says so', async () => {
    const { exitCode } = start(register().files);
    const requestId = queue(60_000);
    await until(received(requestId));
    devOps.world.cancelJob(requestId);
    expect(await exitCode).toBe(0);
    expect(request(requestId)).toMatchObject({ result: 'canceled', ranBy: 'mf-a' });
  });

  it('ends on TERM while it is idle, and takes its session along', async () => {
    const { exitCode, term } = start(register().files);
    await until(online);
    term();
    expect(await exitCode).toBe(0);
    expect(online()).toBe(false);
  });

  it('finishes its job in spite of TERM', async () => {
    const { exitCode, term } = start(register().files);
    const requestId = queue(80);
    await until(received(requestId));
    term();
    expect(await exitCode).toBe(0);
    expect(request(requestId).result).toBe('succeeded');
  });

  it('cancels its job when the grace is almost over, and still reports it', async () => {
    const { exitCode, term } = start(register().files, 30);
    const requestId = queue(60_000);
    await until(received(requestId));
    term();
    expect(await exitCode).toBe(0);
    expect(request(requestId).result).toBe('canceled');
  });

  it('says nothing when it is killed', async () => {
    const { kill } = start(register().files);
    const requestId = queue(20);
    await until(received(requestId));
    kill();
    await devOps.clock.sleep(60);
    expect(request(requestId).finishedAt).toBeUndefined();
    expect(online()).toBe(true);
  });

  it('ends when it is deleted while idle', async () => {
    const { id, files } = register();
    const { exitCode } = start(files);
    await until(online);
    devOps.world.deleteAgent(poolId, id);
    expect(await exitCode).toBe(0);
  });

  it('ends with 1 when it was deleted before it had a session', async () => {
    const { id, files } = register();
    devOps.world.deleteAgent(poolId, id);
    expect(await start(files).exitCode).toBe(1);
  });

  it('ends with 1 when another session of it lives on', async () => {
    const { id, files } = register();
    devOps.world.openSession(poolId, id, { ownerName: 'its past life' });
    expect(await start(files).exitCode).toBe(1);
  });

  it('ends with 2 when it is not configured', async () => {
    expect(await start({}).exitCode).toBe(2);
  });

  it('survives a server that is out of order for a while', async () => {
    const { exitCode } = start(register().files);
    await until(online);
    devOps.faults.add({ kind: 'status', status: 503 }, ({ verb }) => verb.endsWith('/messages'), 3);
    devOps.faults.add({ kind: 'lostBefore' }, ({ verb }) => verb.endsWith('/messages'), 2);
    const requestId = queue(10);
    expect(await exitCode).toBe(0);
    expect(request(requestId).result).toBe('succeeded');
  });

  it('does not run a job whose lease it cannot get, and ends with 0 all the same', async () => {
    const { exitCode } = start(register().files);
    devOps.faults.add({ kind: 'status', status: 404 }, ({ verb }) => /^PATCH.*jobrequests/.test(verb));
    const requestId = queue(10);
    expect(await exitCode).toBe(0);
    expect(request(requestId).result).toBeUndefined();
  });
});
