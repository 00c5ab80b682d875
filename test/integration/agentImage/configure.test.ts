/** The real entrypoint as the init container of `initConfig`: what it hands over, refuses and leaves behind. */
import { chmodSync, chownSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { proxyFiles } from '../../../shared/plan/agentFiles.ts';
import { AgentPod, type Ended, leaks, plantedToken } from '../../support/agentImage.ts';

const asRoot = process.getuid?.() === 0;
const user = asRoot ? 10_001 : process.getuid?.();
const args = ['configure', '--url', 'https://dev.azure.com/contoso', '--pool', 'My pool', '--agent', 'mf-1'];
const pods: AgentPod[] = [];

function initPod(given: Readonly<Record<string, string>> = { token: `${plantedToken}\n`, '.capabilities': 'a=b\n' }) {
  const pod = new AgentPod();
  pods.push(pod);
  pod.share();
  pod.mount(given, 'registration');
  return pod;
}

afterEach(() => {
  for (const pod of pods.splice(0)) pod.remove();
});

const story = (name: string) => ({ STAND_IN_STORY: name });

describe('configure', () => {
  it('hands over four files and nothing else', async () => {
    const pod = initPod();
    pod.write('files/left.over', 'x');
    pod.own('files/left.over');
    const ended = await pod.start(args, story('ok')).ended;
    expect(ended).toMatchObject({ code: 0, stdout: 'mayfly: registered mf-1\n', stderr: '' });
    const shared = readdirSync(pod.path('files')).toSorted();
    expect(shared).toEqual(['.agent', '.capabilities', '.credentials', '.credentials_rsaparams']);
    expect(shared.map((name) => statSync(pod.path(`files/${name}`)).mode & 0o777)).toEqual([
      0o400, 0o400, 0o400, 0o400,
    ]);
    expect(pod.read('files/.capabilities')).toBe('a=b\n');
    expect(readdirSync(pod.path('tmp'))).toEqual([]);
  });

  it('hands over the proxy that it went through itself, for the main container to use', async () => {
    const proxy = { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example'] };
    const pod = initPod({ token: plantedToken, '.capabilities': 'a=b\n', ...proxyFiles(proxy) });
    expect(await pod.start(args, story('ok')).ended).toMatchObject({ code: 0, stderr: '' });
    expect(pod.read('notes/proxy')).toBe('http://proxy.contoso.example:3128\n');
    for (const [name, content] of Object.entries(proxyFiles(proxy))) {
      expect(pod.read(`files/${name}`)).toBe(content);
      expect(statSync(pod.path(`files/${name}`)).mode & 0o777).toBe(0o400);
    }
    expect(readdirSync(pod.path('tmp'))).toEqual([]);
    rmSync(pod.path('registration'), { recursive: true });
    expect(await pod.start(['run'], { STAND_IN_STORY: 'job 0' }).ended).toMatchObject({ code: 0 });
    expect(pod.read('run/.proxy')).toBe('http://proxy.contoso.example:3128\n');
  });

  it('writes what the main container takes as it takes a Secret', async () => {
    const pod = initPod();
    await pod.start(args, story('ok')).ended;
    rmSync(pod.path('registration'), { recursive: true });
    const { code, stdout } = await pod.start(['run'], { STAND_IN_STORY: 'job 0' }).ended;
    expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, last: 'mayfly: the agent is done' });
  });

  it('passes the token by the environment of config.sh alone, never as an argument', async () => {
    const pod = initPod();
    await pod.start(args, { ...story('ok'), VSO_AGENT_IGNORE: 'PATH', VSTS_AGENT_INPUT_REPLACE: 'true' }).ended;
    expect(pod.read('notes/arguments').trim().split('\n')).toEqual(
      [
        ['--unattended', '--acceptTeeEula', '--auth', 'pat', '--url', 'https://dev.azure.com/contoso'],
        ['--pool', 'My pool', '--agent', 'mf-1', '--work', '/mayfly/work'],
      ].flat(),
    );
    const environment = pod.read('notes/environment').split('\n');
    expect(environment.filter((name) => /^(MAYFLY|VSTS_AGENT_INPUT)/.test(name))).toEqual(['VSTS_AGENT_INPUT_TOKEN']);
    expect(pod.read('notes/ignored')).toBe('PATH,VSTS_AGENT_INPUT_TOKEN');
    expect(pod.read('notes/capabilities')).toBe('a=b\n');
  });

  it('takes the token from another file, and a token without capabilities', async () => {
    const pod = initPod({});
    pod.mount({ 'entra/access': plantedToken }, 'registration');
    const ended = await pod.start([...args, '--work', '/w'], {
      ...story('ok'),
      MAYFLY_TOKEN_FILE: pod.path('registration/entra/access'),
    }).ended;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(pod.read('notes/arguments')).toMatch(/--work\n\/w\n$/);
    expect(pod.read('files/.capabilities')).toBe('');
  });
});

describe('configure refuses, hands over nothing and leaves nothing behind', () => {
  const refusals = [
    {
      name: 'a name that is taken: raced',
      story: 'exists',
      code: 30,
      line: 'an agent of this name is registered already',
    },
    { name: 'a bad token', story: 'badToken', code: 31, line: 'the server refused the credential' },
    { name: 'a server out of reach', story: 'unreachable', code: 32, line: 'the server could not be reached' },
    { name: 'any other failure', story: 'other', code: 33, line: 'config.sh ended with 1' },
  ];
  it.each(refusals)('$name', async ({ story: told, code, line }) => {
    const pod = initPod();
    const ended = await pod.start(args, story(told)).ended;
    expect(ended).toMatchObject({ code, stderr: `mayfly: ${line}\n` });
    expect(ended.stdout).toContain('Connecting to server ... (token ***)\n');
    expectNothingLeft(pod, ended);
  });

  it('a registration that kept the credential it was given', async () => {
    const pod = initPod();
    const ended = await pod.start(args, story('pat')).ended;
    expect(ended.code).toBe(24);
    expect(ended.stderr).toMatch(
      /\/\.credentials is not of the scheme OAuth: no other credential may reach a pipeline/,
    );
    expectNothingLeft(pod, ended);
  });

  it('a config.sh that ended well and left no files', async () => {
    const pod = initPod();
    const ended = await pod.start(args, story('silent')).ended;
    expect(ended).toMatchObject({ code: 20, stdout: '' });
    expect(ended.stderr).toMatch(/\/agent\/\.agent is missing\n$/);
    expectNothingLeft(pod, ended);
  });

  const inputs = [
    { name: 'a token that is missing', files: {}, code: 20, line: 'token is missing' },
    { name: 'a token that is empty', files: { token: '' }, code: 22, line: 'token is empty' },
    { name: 'a token of two words', files: { token: 'a b' }, code: 23, line: 'token is not one token' },
    { name: 'a token that is only a line break', files: { token: '\n' }, code: 23, line: 'token is not one token' },
    {
      name: 'capabilities that are none',
      files: { token: plantedToken, '.capabilities': 'x\n' },
      code: 23,
      line: '.capabilities has a line that is not NAME=VALUE',
    },
  ];
  it.each(inputs)('$name', async ({ files, code, line }) => {
    const pod = initPod(files as Readonly<Record<string, string>>);
    const ended = await pod.start(args, story('ok')).ended;
    expect(ended).toMatchObject({ code, stderr: `mayfly: ${pod.path('registration')}/${line}\n` });
    expectNothingLeft(pod, ended);
  });

  it('a token that belongs to somebody else', async () => {
    const pod = initPod();
    if (asRoot) chownSync(pod.path('registration/token'), 0, 0);
    chmodSync(pod.path('registration/token'), asRoot ? 0o600 : 0);
    const ended = await pod.start(args, story('ok')).ended;
    expect(ended.code).toBe(21);
    expect(ended.stderr).toContain(`/registration/token cannot be read by user ${user}: owner `);
    expectNothingLeft(pod, ended);
  });

  it('a volume that it cannot write', async () => {
    const pod = initPod();
    if (asRoot) chownSync(pod.path('files'), 0, 0);
    chmodSync(pod.path('files'), 0o555);
    const ended = await pod.start(args, story('ok')).ended;
    expect(ended).toMatchObject({
      code: 25,
      stderr: `mayfly: ${pod.path('files')} cannot be written by user ${user}\n`,
    });
  });

  const usages = [
    {
      name: 'an argument that it does not know',
      given: ['--replace', 'yes'],
      line: 'configure knows no argument --replace',
    },
    { name: 'an argument without a value', given: ['--url'], line: 'configure: --url has no value' },
    { name: 'no name', given: ['--url', 'u', '--pool', 'p'], line: 'configure needs --url, --pool and --agent' },
  ];
  it.each(usages)('$name', async ({ given, line }) => {
    const ended = await initPod().start(['configure', ...given], story('ok')).ended;
    expect(ended).toMatchObject({ code: 64, stdout: '', stderr: `mayfly: ${line}\n` });
  });

  it('to go on once it is told to end', async () => {
    const pod = initPod();
    const running = pod.start(args, story('slow'));
    await written(pod, 'notes/root');
    running.term();
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: 143, stderr: '' });
    expectNothingLeft(pod, ended);
  });
});

async function written(pod: AgentPod, name: string): Promise<void> {
  while (!existsSync(pod.path(name))) await new Promise((resolve) => setTimeout(resolve, 20));
}

function expectNothingLeft(pod: AgentPod, { stdout, stderr }: Ended): void {
  expect(readdirSync(pod.path('files'))).toEqual([]);
  expect(readdirSync(pod.path('tmp'))).toEqual([]);
  expect(leaks(stdout + stderr + pod.read('termination'))).toEqual([]);
}
