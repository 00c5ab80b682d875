/** One run of the real entrypoint: its process group, what TERM does to it, and how it ends. */
import { afterEach, describe, expect, it } from 'vitest';
import { AgentPod, goodFiles, leaks, plantedKey } from '../../support/agentImage.ts';

const pods: AgentPod[] = [];

function podWithFiles(): AgentPod {
  const pod = new AgentPod();
  pods.push(pod);
  pod.mount(goodFiles());
  return pod;
}

afterEach(() => {
  for (const pod of pods.splice(0)) pod.remove();
});

describe('run', () => {
  it('runs the agent once, in its own process group, with writable copies of its files', async () => {
    const pod = podWithFiles();
    const running = pod.start(['run'], { STAND_IN_STORY: 'job 0.1' });
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Job build completed with result: Succeeded');
    expect(stdout).toMatch(/mayfly: the agent is done\n$/);
    const [id, group] = pod.read('notes/group').trim().split(' ');
    expect(group).toBe(id);
    const owner = process.getuid?.() === 0 ? 10_001 : process.getuid?.();
    expect(pod.read('notes/modes').trim().split('\n')).toEqual(
      ['.agent', '.credentials', '.credentials_rsaparams', '.capabilities'].map((name) => `600 ${owner} ${name}`),
    );
    expect(leaks(stdout)).toEqual([]);
  });

  it('is what the container does when it is told nothing', async () => {
    const { code } = await podWithFiles().start([], { STAND_IN_STORY: 'job 0' }).ended;
    expect(code).toBe(0);
  });

  it('hides its own variables from the agent, its capabilities and every step', async () => {
    const pod = podWithFiles();
    await pod.start([], { STAND_IN_STORY: 'job 0', MAYFLY_NODE: 'node-1', CHOSEN: '1', 'agent.disableupdate': '1' })
      .ended;
    const names = pod.read('notes/environment').split('\n');
    expect(names).toContain('CHOSEN');
    expect(names.filter((name) => name.startsWith('MAYFLY'))).toEqual([]);
  });

  it('hands on a variable with a dot in its name, which switches self-update off', async () => {
    const pod = podWithFiles();
    pod.write('opt/agent/bin/Agent.Listener', '#!/bin/sh\ntr "\\0" "\\n" </proc/$$/environ | grep ^agent\n');
    const { stdout } = await pod.start([], { 'agent.disableupdate': '1' }).ended;
    expect(stdout).toContain('agent.disableupdate=1\n');
  });

  it('tells the pipeline job where it runs', async () => {
    const pod = podWithFiles();
    await pod.start([], {
      STAND_IN_STORY: 'job 0',
      MAYFLY_POD: 'mf-1-x2x',
      MAYFLY_NAMESPACE: 'agents',
      MAYFLY_NODE: 'node "1"\\',
      MAYFLY_IMAGE: 'contoso.example/agent@sha256:00',
    }).ended;
    const detail = [
      'Pod: mf-1-x2x',
      'Namespace: agents',
      'Node: node "1"\\',
      'Image: contoso.example/agent@sha256:00',
      'Agent: 5.278.0',
    ].join('\n');
    expect(JSON.parse(pod.read('notes/setupInfo'))).toEqual([{ group: 'Mayfly', detail }]);
  });

  it('says so when the agent ended well without a job', async () => {
    const { code, stdout } = await podWithFiles().start([], { STAND_IN_STORY: 'exit 0' }).ended;
    expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({
      code: 0,
      last: 'mayfly: the agent ended without a job',
    });
  });
});

describe('TERM', () => {
  it('is forwarded at once to an idle agent', async () => {
    const pod = podWithFiles();
    const running = pod.start([], { STAND_IN_STORY: 'idle', MAYFLY_GRACE_SECONDS: '3600' });
    await running.says('Listening for Jobs');
    const told = running.term();
    const { code, stdout, at } = await running.ended;
    expect({ code, terms: pod.read('notes/terms') }).toEqual({ code: 0, terms: 'told\n' });
    expect(stdout).toContain('mayfly: told to end while idle\n');
    expect(at - told).toBeLessThan(2000);
  });

  const busy = [
    { name: 'while a worker runs', story: 'job 1', after: 'Running job: build', worked: 'worked\n' },
    {
      name: 'while a worker runs that was not announced',
      story: 'silent 1',
      after: 'a worker runs',
      worked: 'worked\n',
    },
    { name: 'while a job is received and has no worker yet', story: 'received 1', after: 'Running job', worked: '' },
  ];
  it.each(busy)('is swallowed $name, and told again changes nothing', async ({ story, after, worked }) => {
    const pod = podWithFiles();
    pod.write('notes/terms', '');
    pod.write('notes/worked', '');
    for (const name of ['terms', 'worked']) pod.own(`notes/${name}`);
    const running = pod.start([], { STAND_IN_STORY: story, MAYFLY_GRACE_SECONDS: '3600' });
    await running.says(after);
    running.term();
    await running.says('told to end while a job runs: it has 3555 s to finish');
    running.term();
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr, worked: pod.read('notes/worked'), terms: pod.read('notes/terms') }).toEqual({
      code: 0,
      stderr: '',
      worked,
      terms: '',
    });
    expect(stdout.match(/told to end/g)).toHaveLength(1);
    expect(stdout).toMatch(/mayfly: the agent is done\n$/);
  });

  it('reaches the listener shortly before the grace ends, so that it can report the job it cancels', async () => {
    const pod = podWithFiles();
    const running = pod.start([], { STAND_IN_STORY: 'job 30', MAYFLY_GRACE_SECONDS: '2' });
    await running.says('Running job');
    const told = running.term();
    const { code, stdout, stderr, at } = await running.ended;
    expect({ code, stderr, terms: pod.read('notes/terms') }).toEqual({ code: 0, stderr: '', terms: 'told\n' });
    expect(stdout).toContain('it has 1 s to finish');
    expect(stdout).toContain('mayfly: the grace is nearly over: the job is cancelled\n');
    expect(stdout).toContain('completed with result: Canceled');
    expect(at - told).toBeGreaterThanOrEqual(1000);
    expect(at - told).toBeLessThan(4000);
  });

  it('is not the only signal: an agent that was killed ends the container with its code', async () => {
    const pod = podWithFiles();
    pod.write('opt/agent/bin/Agent.Listener', '#!/bin/sh\necho ": Listening"\nkill -9 $$\n');
    const { code, stderr } = await pod.start([]).ended;
    expect({ code, stderr }).toEqual({ code: 137, stderr: 'mayfly: the agent ended with 137\n' });
  });
});

describe('the agent ends by itself', () => {
  const update = ': it wants to update itself; rebuild the image with the newer agent instead';
  it.each([
    { exit: 1, why: '' },
    { exit: 2, why: '' },
    { exit: 3, why: update },
    { exit: 4, why: update },
  ])('with $exit: the container does too, with the end of what it traced', async ({ exit, why }) => {
    const pod = podWithFiles();
    const { code, stdout, stderr } = await pod.start([], {
      STAND_IN_STORY: `exit ${exit}`,
      STAND_IN_SECRET: plantedKey,
    }).ended;
    expect({ code, stderr }).toEqual({ code: exit, stderr: `mayfly: the agent ended with ${exit}${why}\n` });
    expect(pod.read('termination')).toBe(stderr.trim());
    expect(stdout).toContain('mayfly: last lines of Agent_20261121-000000-utc.log:\n');
    expect(stdout).toContain('Could not open a session: VssServiceException: the server did not answer.\n');
    expect(stdout).toContain('client_assertion=***&grant_type=client_credentials\n');
  });

  it('with a credential in its traces, and none of it is printed', async () => {
    const pod = podWithFiles();
    const env = { STAND_IN_STORY: 'exit 2', STAND_IN_SECRET: plantedKey };
    const { stdout, stderr } = await pod.start([], env).ended;
    expect(leaks(pod.read('diag/Agent_20261121-000000-utc.log'))).toEqual([plantedKey]);
    expect(leaks(stdout + stderr + pod.read('termination'))).toEqual([]);
  });
});
