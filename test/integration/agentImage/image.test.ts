/** What can be known of the image without building it: its scripts, its Dockerfiles and its page agree. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { generatedPodSpec } from '../../../shared/plan/manifest.ts';
import { AgentPod, leaks, linkedNames, plantedKey, plantedToken } from '../../support/agentImage.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const folder = fileURLToPath(new URL('../../../infra/agent/', import.meta.url));
const standIns = fileURLToPath(new URL('standIns/', import.meta.url));
const read = (name: string): string => readFileSync(`${folder}${name}`, 'utf8');
const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh'));
const dockerfiles = readdirSync(folder).filter((name) => name.startsWith('Dockerfile'));

const pods: AgentPod[] = [];
function aPod(): AgentPod {
  const pod = new AgentPod();
  pods.push(pod);
  return pod;
}
afterEach(() => {
  for (const pod of pods.splice(0)) pod.remove();
});

describe('the scripts', () => {
  it('have nothing that shellcheck objects to', ({ skip }) => {
    const linter = 'shellcheck';
    const has = spawnSync(linter, ['--version']).status === 0;
    skip(!has, 'shellcheck is not installed: the scripts were not checked');
    const check = (...args: readonly string[]) => spawnSync(linter, args, { encoding: 'utf8' }).stdout;
    const printed = [
      check('-x', '-a', `${folder}entrypoint.sh`),
      check(`${folder}inject.sh`),
      check(...readdirSync(standIns).map((name) => `${standIns}${name}`)),
    ];
    expect(printed).toEqual(['', '', '']);
  });

  it('end with the codes that the page lists, and with no others', () => {
    const own = scripts.flatMap((name) =>
      [...read(name).matchAll(/\b(?:fail|refuse|exit) (\d+)\b/g)].map((m) => Number(m[1])),
    );
    const ofTheAgent = [0, 1, 2, 3, 4];
    const page = readFileSync(fileURLToPath(new URL('../../../docs/agent-image.md', import.meta.url)), 'utf8');
    const listed = [...page.matchAll(/^\| (\d+(?:, \d+)*) \|/gm)].flatMap((m) => (m[1] ?? '').split(', ').map(Number));
    const ascending = (codes: readonly number[]) => [...new Set(codes)].toSorted((a, b) => a - b);
    expect(listed).toEqual(ascending([...own, ...ofTheAgent]));
  });

  it('refuse to run as root', async () => {
    const pod = aPod();
    writeFileSync(pod.path('tmp/id'), '#!/bin/sh\necho 0\n');
    chmodSync(pod.path('tmp/id'), 0o755);
    const ended = await pod.start(['run'], { PATH: `${pod.path('tmp')}:${process.env['PATH']}` }).ended;
    expect(ended).toMatchObject({ code: 28, stderr: 'mayfly: runs as root: the agent and every step would too\n' });
  });

  it('say what an image lacks', async () => {
    const pod = aPod();
    const fine = await pod.start(['check']).ended;
    // Whatever machine this is may itself lack one.
    expect([0, 29]).toContain(fine.code);
    const { code, stderr } = await pod.start(['check'], { PATH: bareFolder(pod) }).ended;
    expect(code).toBe(29);
    expect(stderr).toMatch(/^mayfly: this image lacks: find ldd git/);
  });
});

/** A folder with all tools but three. */
function bareFolder(pod: AgentPod): string {
  const tools = ['bash', 'env', 'cat', 'chmod', 'cp', 'dirname', 'grep', 'id', 'install', 'mktemp', 'readlink', 'sed'];
  for (const tool of [...tools, 'sleep', 'stat', 'tail', 'tr']) {
    const script = `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`;
    pod.write(`bare/${tool}`, script);
    chmodSync(pod.path(`bare/${tool}`), 0o755);
  }
  return pod.path('bare');
}

describe('masking', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
  const rows = [
    { name: 'a bearer token', line: 'Authorization: Bearer abc.def', want: 'Authorization: Bearer ***' },
    { name: 'a basic one', line: 'Authorization: Basic OmFiYw==', want: 'Authorization: Basic ***' },
    { name: 'a JSON web token', line: `got ${jwt}, next`, want: 'got ***, next' },
    { name: 'a form', line: 'grant=x&client_assertion=abc&y=1', want: 'grant=x&client_assertion=***&y=1' },
    { name: 'a member of JSON', line: '{"access_token":"abc","n":1}', want: '{"access_token":"***","n":1}' },
    { name: 'a user in an address', line: 'https://u:p@host/x', want: 'https://***@host/x' },
    { name: 'a component of a key', line: `modulus ${plantedKey}`, want: 'modulus ***' },
    { name: 'a PAT', line: `is ${'a2b3'.repeat(13)}`, want: 'is ***' },
  ];
  it.each(rows)('hides $name', ({ line, want }) => {
    expect(masked(line)).toBe(want);
  });

  it.each([
    'Listening for Jobs',
    'Pool 12 already contains an agent with name mf-ab12-cd34-1234567-w-a1b2c3-12-29384756.',
    'Session 00000000-0000-0000-0000-000000000001 at https://dev.azure.com/contoso/_apis/distributedtask/pools/12',
    'at Microsoft.VisualStudio.Services.Agent.Listener.MessageListener.CreateSessionAsync(CancellationToken token)',
  ])('leaves "%s" alone', (line) => {
    expect(masked(line)).toBe(line);
  });

  it('is looked for by a search that finds what is planted', () => {
    const text = `a ${plantedToken} b ${Buffer.from(plantedKey).toString('base64')} c`;
    expect(leaks(text)).toEqual([plantedKey, plantedToken]);
    expect(leaks('nothing')).toEqual([]);
  });
});

function masked(line: string): string {
  const { stdout } = spawnSync('bash', ['-c', `source ${folder}masking.sh; mask`], { input: line, encoding: 'utf8' });
  return stdout.trimEnd();
}

describe('the Dockerfiles', () => {
  it.each(dockerfiles)('%s builds on images that are given by digest', (name) => {
    const lines = read(name).split('\n');
    const bases = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? []);
    expect(bases.filter((base) => !/^\$\{[A-Z_]+\}$/.test(base))).toEqual([]);
    const defaults = bases.filter((base) => lines.some((line) => line.startsWith(`ARG ${base.slice(2, -1)}=`)));
    expect(defaults).toEqual([]);
  });

  it.each(dockerfiles)("%s ends as the pod's user, by number", (name) => {
    const pod = generatedPodSpec(aTemplate(), 'mf-1') as { readonly securityContext: { readonly runAsUser: number } };
    const users = [...read(name).matchAll(/^USER (\S+)$/gm)].map((match) => match[1]);
    const { runAsUser } = pod.securityContext;
    expect(users.at(-1)).toBe(`${runAsUser}:${runAsUser}`);
  });

  it.each(['Dockerfile', 'Dockerfile.inject'])('%s says which agent is in the image', (name) => {
    expect(read(name)).toMatch(/^LABEL dev\.mayfly\.agent-version="\$\{AGENT_VERSION\}"/m);
  });

  it('copy every script, and link what the entrypoint writes', () => {
    const copied = [...read('Dockerfile').matchAll(/infra\/agent\/(\w+\.sh)/g)].map((match) => match[1]);
    expect(new Set(copied)).toEqual(new Set(scripts.filter((name) => name !== 'inject.sh')));
    const linked = /for name in (\.agent .*); do/.exec(read('Dockerfile'))?.[1]?.split(' ');
    expect(linked).toEqual(linkedNames);
  });
});

describe('the step that unpacks the agent', () => {
  /** The RUN instruction itself, in folders of a test, with a curl that answers a package made here. */
  function unpack(pod: AgentPod, args: Readonly<Record<string, string>>) {
    const text = read('Dockerfile').replaceAll(/^ *#.*\n/gm, '');
    const run = /^RUN (case (?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? 'exit 99';
    const places: Readonly<Record<string, string>> = {
      '/opt/mayfly': pod.path('built'),
      '/tmp/': `${pod.path('tmp')}/`,
      '/usr/bin/tini-static': '/bin/true',
    };
    const script = run.replaceAll(/\/opt\/mayfly|\/tmp\/|\/usr\/bin\/tini-static/g, (place) => places[place] ?? place);
    pod.write('package/bin/Agent.Listener', 'x');
    spawnSync('tar', ['-czf', pod.path('package.tar.gz'), '-C', pod.path('package'), '.']);
    pod.write(
      'bare/curl',
      `#!/bin/sh\nfor at; do :; done\necho "$at"\ncp ${pod.path('package.tar.gz')} ${pod.path('tmp')}/agent.tar.gz\n`,
    );
    chmodSync(pod.path('bare/curl'), 0o755);
    pod.write('built/agent/.keep', '');
    return spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: pod.path('built/agent'),
      encoding: 'utf8',
      env: {
        PATH: `${pod.path('bare')}:${process.env['PATH']}`,
        AGENT_VERSION: '5.278.0',
        AGENT_PACKAGE: 'pipelines-agent',
        AGENT_PACKAGE_SOURCE: 'https://mirror.example/agent',
        AGENT_SHA256_AMD64: '',
        AGENT_SHA256_ARM64: '',
        ...args,
      },
    });
  }
  const wrong = '0'.repeat(64);

  it('takes a package of the sum that it was told, for its architecture', () => {
    const pod = aPod();
    unpack(pod, { TARGETARCH: 'amd64', AGENT_SHA256_AMD64: wrong });
    const sum = createHash('sha256')
      .update(readFileSync(pod.path('package.tar.gz')))
      .digest('hex');
    const { status, stdout } = unpack(pod, { TARGETARCH: 'arm64', AGENT_SHA256_ARM64: sum });
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `https://mirror.example/agent/5.278.0/pipelines-agent-linux-arm64-5.278.0.tar.gz\n${pod.path('tmp')}/agent.tar.gz: OK\n`,
    });
    expect(pod.read('built/agent/bin/Agent.Listener')).toBe('x');
    expect(pod.read('built/agent-version')).toBe('5.278.0');
    expect(linkedNames.map((name) => readlinkSync(pod.path(`built/agent/${name}`)))).toEqual(
      linkedNames.map((name) => `/mayfly/run/${name}`),
    );
  });

  it.each([
    { name: 'another sum', args: { TARGETARCH: 'amd64', AGENT_SHA256_AMD64: wrong }, line: 'did NOT match' },
    {
      name: 'no sum',
      args: { TARGETARCH: 'amd64', AGENT_SHA256_ARM64: wrong },
      line: 'no SHA-256 was given for amd64',
    },
    { name: 'an architecture without an agent', args: { TARGETARCH: 's390x' }, line: "no agent for 's390x'" },
  ])('ends the build at $name', ({ args, line }) => {
    const pod = aPod();
    const { status, stderr } = unpack(pod, args);
    expect(status).toBe(1);
    expect(stderr).toContain(line);
    expect(readdirSync(pod.path('built'))).toEqual(['agent']);
  });
});

describe('inject.sh', () => {
  it('copies the agent into an empty volume, links as links', async () => {
    const pod = aPod();
    pod.write('inject/x', '');
    rmSync(pod.path('inject/x'));
    pod.own('inject');
    const ended = await pod.start([pod.path('inject')], { MAYFLY_SOURCE: pod.path('opt') }, 'inject.sh').ended;
    expect(ended).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `mayfly: the agent 5.278.0 is in ${pod.path('inject')}\n`,
    });
    expect(readlinkSync(pod.path('inject/agent/.agent'))).toBe(pod.path('run/.agent'));
    const again = await pod.start([pod.path('inject')], { MAYFLY_SOURCE: pod.path('opt') }, 'inject.sh').ended;
    expect(again).toMatchObject({ code: 25, stderr: `mayfly: ${pod.path('inject')} is not empty\n` });
  });

  it('says when there is no agent to copy', async () => {
    const ended = await aPod().start(['/nowhere'], { MAYFLY_SOURCE: '/nowhere' }, 'inject.sh').ended;
    expect(ended).toMatchObject({ code: 27, stderr: 'mayfly: there is no agent in /nowhere\n' });
  });
});
