/** `npm run doctor` as a process of its own, against all that `npm start` opens. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { localSecrets } from '../../infra/local/start/localSettings.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import { type FaultKind, Faults, Journal } from '../../infra/local/world/faults.ts';
import { until } from '../support/azureDevOpsServer.ts';

const command = fileURLToPath(new URL('../../infra/cli/doctor.ts', import.meta.url));
const faults = new Faults();
const journal = new Journal();
let system: LocalSystem;

beforeAll(async () => {
  system = await startLocalSystem({ portBase: 0, host: false, watched: { faults, journal } });
});
afterEach(() => {
  faults.clear();
  journal.clear();
});
afterAll(() => system.close());

interface Doctor {
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Nobody reads on. */
  readonly hangUp: () => void;
}

function doctor(parameters: readonly string[], settings: Readonly<Record<string, string>> = system.settings): Doctor {
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', ...settings };
  const child = spawn(process.execPath, [command, ...parameters], { cwd: repositoryRoot, env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return { ended, kill: (signal) => child.kill(signal), hangUp: () => child.stdout.destroy() };
}

const pool = ['--organisation', 'contoso', '--pool', '1'];
const fail = (verb: RegExp, fault: FaultKind): void => {
  faults.add(fault, (call) => verb.test(call.verb), Number.POSITIVE_INFINITY);
};
const probeAgents = (): readonly string[] =>
  system.devOps.listAgents(1).flatMap(({ name }) => (/-d-[0-9a-f]{8}$/.test(name) ? [name] : []));
const wasAsked = (verb: RegExp) => (): boolean =>
  journal.calls.some((call) => verb.test(call.verb) && call.outcome === 'open');

describe('npm run doctor', () => {
  it('tells each step with a tick, ends with one line, and with 0', async () => {
    const { code, out, err } = await doctor(pool).ended;
    expect([code, err]).toEqual([0, '']);
    const lines = out.trimEnd().split('\n');
    expect(
      lines
        .slice(0, -1)
        .map((line) => line[0])
        .join(''),
    ).toBe('✓✓✓–✓✓✓✓✓✓✓✓✓✓');
    expect(lines.at(-1)).toMatch(/^jit works in pool 1 \(linux\) of contoso: a session replaces capabilities; .*\.$/);
    expect(probeAgents()).toEqual([]);
  });

  it('gives a program the value and nothing else, with no credential in it', async () => {
    const { code, out, err } = await doctor([...pool, '--json']).ended;
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ verdict: 'works', poolId: 1, recordedIn: ['primary'] });
    const secrets = [localSecrets.kubernetesToken, localSecrets.identityHeader, localSecrets.hook, 'eyJ'];
    expect(secrets.filter((secret) => out.includes(secret))).toEqual([]);
  });

  it('ends with 1 where the server refuses such agents', async () => {
    fail(/^addAgent$/, { kind: 'status', status: 400 });
    const { code, out } = await doctor(pool).ended;
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/✗ registers a throw-away agent.*\n[\s\S]*jit does not work in pool 1/),
    ]);
  });

  it('ends with 2 where it cannot know, and says which right is missing', async () => {
    fail(/^addAgent$/, { kind: 'status', status: 403 });
    const { code, out } = await doctor(pool).ended;
    expect([code, out]).toEqual([2, expect.stringMatching(/It is not known .*role Administrator on this pool/)]);
  });

  it('ends with 2 where nobody answers', async () => {
    const nowhere = { ...system.settings, MAYFLY_ADO_URL: 'http://127.0.0.1:9/contoso' };
    const { code, out } = await doctor(pool, nowhere).ended;
    expect([code, out]).toEqual([2, expect.stringMatching(/✗ reads the pool and its agents +no usable answer/)]);
  });

  it('ends with 2 where the outcome cannot be written down', async () => {
    fail(/configmaps/, { kind: 'status', status: 403 });
    const { code, out } = await doctor(pool).ended;
    expect([code, out]).toEqual([2, expect.stringMatching(/✗ records the outcome +not in primary\njit works/)]);
  });

  it.each([
    {
      name: 'another pool',
      parameters: ['--organisation', 'contoso', '--pool', '9'],
      says: /has no pool 9 of contoso/,
    },
    { name: 'no number', parameters: ['--organisation', 'contoso', '--pool', 'x'], says: /A whole number from 1/ },
    { name: 'no organisation', parameters: ['--pool', '1'], says: /--organisation/ },
  ])('ends with 2 and one sentence for $name', async ({ parameters, says }) => {
    const { code, out, err } = await doctor(parameters).ended;
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(says)]);
  });

  it('ends with 2 and names the settings that are missing', async () => {
    const { code, err } = await doctor(pool, {}).ended;
    expect([code, err]).toEqual([2, expect.stringMatching(/MAYFLY_ADO_URL[\s\S]*--local takes those of/)]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'takes its agent away when it is interrupted by %s',
    async (signal) => {
      fail(/\/sessions$/, { kind: 'hang' });
      const { ended, kill } = doctor(pool);
      await until(wasAsked(/\/sessions$/));
      expect(probeAgents()).toHaveLength(1);
      faults.clear();
      kill(signal);
      const { code, out } = await ended;
      expect([code, out]).toEqual([2, expect.stringMatching(/✓ leaves nothing behind[\s\S]*it was interrupted/)]);
      expect(probeAgents()).toEqual([]);
    },
  );

  it('takes its agent away when nobody reads on', async () => {
    const { ended, hangUp } = doctor(pool);
    await until(() => probeAgents().length === 1);
    hangUp();
    expect([(await ended).code, probeAgents()]).toEqual([0, []]);
  });

  it('leaves a harmless agent where it is killed', async () => {
    fail(/\/sessions$/, { kind: 'hang' });
    const { ended, kill } = doctor(pool);
    await until(wasAsked(/\/sessions$/));
    kill('SIGKILL');
    await ended;
    expect(system.devOps.listAgents(1)).toMatchObject([{ enabled: false, online: false }]);
    system.devOps.deleteAgent(1, system.devOps.listAgents(1)[0]?.id ?? 0);
  });
});
