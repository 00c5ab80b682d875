/** A pod whose init container takes for ever to register: its name is taken before it is ended, over real sockets. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wireAgent } from '../../infra/local/agent/wireAgent.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { parseConfig } from '../../shared/config/parseConfig.ts';
import { poolPolicies } from '../../shared/config/poolPolicies.ts';
import { poolPartsOf } from '../../shared/connections.ts';
import { hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { poolsOver } from '../../shared/pools.ts';
import type { Log } from '../../shared/ports.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../support/azureDevOpsServer.ts';
import { aClusterDocument, aConfigText, anOrganisationDocument, aPoolDocument } from '../support/configText.ts';
import { controlPlaneToken, startTestKubernetes, type TestKubernetes } from '../support/kubernetesServer.ts';

const poolId = 7;
let clock: VirtualClock;
let ado: TestAzureDevOps<VirtualClock>;
let kubernetes: TestKubernetes<VirtualClock>;
/** Exit codes of the containers that register. */
let registrarEnds: number[];

beforeEach(async () => {
  clock = new VirtualClock();
  registrarEnds = [];
  const slow = wireAgent({ startMs: () => hoursMs(1) });
  const runInit: typeof slow.runInit = async (context) => {
    const code = await slow.runInit(context);
    registrarEnds.push(code);
    return code;
  };
  ado = await startTestAzureDevOps({ clock });
  kubernetes = await startTestKubernetes({ clock, workload: { ...slow, runInit } });
  ado.world.addPool({ id: poolId, name: 'linux' });
});
afterEach(() => Promise.all([ado.close(), kubernetes.close()]));

const silent: Log = { write: () => {} };

function aControlPlane(): () => Promise<void> {
  const registrar = ado.addPat('registrar', { read: [poolId], manage: [poolId], hooks: false, projects: false });
  const secrets: Readonly<Record<string, string>> = { PAT: ado.pat, CLUSTER: controlPlaneToken, REGISTRAR: registrar };
  const organisation = anOrganisationDocument({
    url: ado.url,
    credential: { kind: 'pat', environment: 'PAT' },
    registration: { credential: { kind: 'pat', environment: 'REGISTRAR' } },
  });
  const access = { kind: 'token', server: kubernetes.url, environment: 'CLUSTER' };
  const pools = [aPoolDocument({ id: poolId, registration: 'initConfig' })];
  const text = aConfigText({ organisations: [organisation], clusters: [aClusterDocument({ access })], pools });
  const config = parseConfig(text, 'mayfly.yaml');
  const found = poolsOver(
    poolPartsOf(config, poolPolicies(config), {
      tokens: () => ({ getToken: () => Promise.reject(new Error('nobody has an identity here')) }),
      readSecret: async ({ name }) => new Secret(secrets[name] ?? ''),
      clock,
    }),
  );
  return async () => {
    const target = await found.find('contoso', poolId);
    const deadlineAt = clock.now() + minutesMs(1);
    await target?.reconcile({ cause: 'sweep', correlationId: 'c', deadlineAt }, silent);
  };
}

interface Registered {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly enabled: boolean;
  readonly status: string;
  readonly systemCapabilities?: unknown;
}

/** Placeholders are none. */
async function agents(): Promise<readonly Registered[]> {
  const path = `_apis/distributedtask/pools/${poolId}/agents?includeCapabilities=true`;
  const answer = (await (await ado.call('GET', path)).json()) as { readonly value: readonly Registered[] };
  return answer.value.filter(({ name }) => !name.includes('-p-'));
}

it('takes the name, keeps the pod out with it, and leaves neither', async () => {
  const pass = aControlPlane();
  const look = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let looks = 0; !(await holds()); looks++) {
      expect(looks).toBeLessThan(60);
      await clock.advance(secondsMs(30));
      await pass();
    }
  };
  await pass();
  ado.world.queueJob({ poolId });
  await pass();
  await look(async () => (await agents()).length > 0);
  const [lock, ...others] = await agents();
  expect(others).toEqual([]);
  expect(lock).toMatchObject({ version: '0.0.0', enabled: false, status: 'offline' });
  expect(lock?.systemCapabilities ?? {}).toEqual({});
  // Whatever the container does from here on, this is what it would be answered.
  const late = await ado.call('POST', `_apis/distributedtask/pools/${poolId}/agents`, {
    name: lock?.name,
    version: '5.278.0',
    authorization: { publicKey: { exponent: 'AQAB', modulus: 'AA==' } },
  });
  expect(late.status).toBe(409);
  await look(async () => (await agents()).every(({ id }) => id !== lock?.id));
  expect(registrarEnds).toEqual([143]);
  const pods = await kubernetes.call('GET', '/api/v1/namespaces/mayfly-agents/pods');
  expect(JSON.stringify(await pods.json())).not.toContain(`"job-name":"${lock?.name}"`);
});
