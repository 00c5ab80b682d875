/** The init container of `initConfig` against the HTTP door, in a pod as the manifest builds it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCredentials } from '../../../infra/local/agent/credentials.ts';
import { wireAgent } from '../../../infra/local/agent/wireAgent.ts';
import { reader } from '../../../infra/local/azureDevOps/wire/tokens.ts';
import type { ContainerContext } from '../../../infra/local/kubernetes/podStory.ts';
import { SystemClock } from '../../../infra/local/world/clock.ts';
import { buildAgentPodSpec } from '../../../shared/plan/manifest.ts';
import { agentFilesVolume, registerContainer, registrationVolume } from '../../../shared/plan/podPlaces.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../../support/azureDevOpsServer.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const name = 'mf-a';
const limited = (poolId: number) => ({ read: [poolId], manage: [poolId], hooks: false, projects: false });

let devOps: TestAzureDevOps<SystemClock>;
let poolId: number;

beforeEach(async () => {
  devOps = await startTestAzureDevOps({ clock: new SystemClock() });
  poolId = devOps.world.addPool({ name: 'My pool' }).id;
});
afterEach(() => devOps.close());

interface Given {
  readonly token?: string;
  readonly url?: string;
  readonly poolName?: string;
  readonly files?: Readonly<Record<string, string>>;
}

interface Container {
  readonly exitCode: Promise<number>;
  readonly scratch: ReadonlyMap<string, string>;
  readonly words: readonly string[];
  readonly term: () => void;
}

function start(given: Given = {}): Container {
  const token = given.token ?? devOps.addPat('registrar', limited(poolId));
  const place = { url: given.url ?? devOps.url, poolName: given.poolName ?? 'My pool' };
  const spec = buildAgentPodSpec(aTemplate({}), name, { kind: 'initConfig', ...place });
  const terminated = new AbortController();
  const scratch = new Map<string, string>();
  const words: string[] = [];
  const files = given.files ?? { token, '.capabilities': 'size=large\nsum=1=1\n' };
  const context: ContainerContext = {
    pod: { metadata: { name: 'mf-a-x2x4z' }, spec },
    container: registerContainer,
    readSecretFiles: (volume) => (volume === registrationVolume ? files : {}),
    scratch,
    writeTerminationLog: (text) => words.push(text),
    terminated: terminated.signal,
    killed: new AbortController().signal,
    clock: devOps.clock,
  };
  const exitCode = wireAgent({}).runInit(context);
  return { exitCode, scratch, words, term: () => terminated.abort() };
}

describe('the init container that registers', () => {
  it('leaves the files of an agent of its own, and no trace of the credential', async () => {
    const token = devOps.addPat('registrar', limited(poolId));
    const { exitCode, scratch } = start({ token: `${token}\n` });
    expect(await exitCode).toBe(0);
    const [agent] = devOps.world.listAgents(poolId);
    const files = Object.fromEntries([...scratch].map(([path, text]) => [path.split('/')[1] ?? '', text]));
    expect([...scratch.keys()].every((path) => path.startsWith(`${agentFilesVolume}/`))).toBe(true);
    expect(readCredentials(files)).toMatchObject({
      agentId: agent?.id,
      agentName: name,
      poolId,
      serverUrl: devOps.url,
      clientId: agent?.clientId,
      capabilities: { size: 'large', sum: '1=1' },
    });
    expect(agent).toMatchObject({ name, version: '5.278.0', online: false, systemCapabilities: { size: 'large' } });
    expect(Object.values(files).join()).not.toContain(token);
  });

  const table: readonly {
    readonly name: string;
    readonly given: () => Given;
    readonly want: readonly [code: number, words: string];
  }[] = [
    {
      name: 'a name that is taken',
      given: () => {
        devOps.world.addAgent(poolId, { name, version: '5.278.0' });
        return {};
      },
      want: [30, 'mayfly: an agent of this name is registered already'],
    },
    {
      name: 'a credential that nobody knows',
      given: () => ({ token: 'x'.repeat(52) }),
      want: [31, 'mayfly: the server refused the credential'],
    },
    {
      name: 'an identity that only reads',
      given: () => ({ token: devOps.addPat('viewer', reader) }),
      want: [31, 'mayfly: the server refused the credential'],
    },
    {
      name: 'a server that does not listen',
      given: () => ({ url: 'http://127.0.0.1:1/contoso' }),
      want: [32, 'mayfly: the server could not be reached'],
    },
    {
      name: 'a server that is out of order',
      given: () => {
        devOps.faults.add({ kind: 'status', status: 503 }, ({ verb }) => verb === 'findAgent');
        return {};
      },
      want: [32, 'mayfly: the server could not be reached'],
    },
    {
      name: 'a pool that the identity may not see',
      given: () => ({ token: devOps.addPat('stranger', { read: [], manage: [], hooks: false }) }),
      want: [33, 'mayfly: config.sh ended with 1'],
    },
    {
      name: 'no credential',
      given: () => ({ files: {} }),
      want: [20, 'mayfly: /mayfly/registration/token is missing'],
    },
    {
      name: 'two words for a credential',
      given: () => ({ files: { token: 'a b' } }),
      want: [23, 'mayfly: /mayfly/registration/token is not one token'],
    },
  ];
  it.each(table)('says why it fails: $name', async ({ given, want }) => {
    const { exitCode, words, scratch } = start(given());
    expect([await exitCode, ...words]).toEqual(want);
    expect(scratch.size).toBe(0);
  });

  it('ends with 143 when it is told to end', async () => {
    const { exitCode, term, words } = start();
    term();
    expect([await exitCode, ...words]).toEqual([143]);
  });
});
