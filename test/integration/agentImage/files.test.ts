/** The real entrypoint before there is an agent: what it refuses, with which exit code and which one line. */
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AgentPod,
  type Ended,
  goodFiles,
  keyFile,
  leaks,
  linkedNames,
  plantedToken,
} from '../../support/agentImage.ts';

const asRoot = process.getuid?.() === 0;
const user = asRoot ? 10_001 : process.getuid?.();

interface Row {
  readonly name: string;
  /** Changes a pod whose files are good. */
  readonly given: (pod: AgentPod) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** {files} stands for the folder of the pod's files, {pod} for the pod's own. */
  readonly want: { readonly code: number; readonly line: string };
}

const replaced =
  (name: string, content: string): Row['given'] =>
  (pod) => {
    rmSync(pod.path(`files/${name}`));
    pod.mount({ [name]: content });
  };

/** What no reader of the group can read; where the tests do not run as root, what nobody can. */
const locked =
  (name: string): Row['given'] =>
  (pod) => {
    if (asRoot) chownSync(pod.path(name), 0, 0);
    chmodSync(pod.path(name), asRoot ? 0o700 : 0o000);
  };

const names = ['.agent', '.credentials', '.credentials_rsaparams', '.capabilities'] as const;
const json = names.slice(0, 3);

const missing = names.map<Row>((name) => ({
  name: `${name} is missing`,
  given: (pod) => rmSync(pod.path(`files/${name}`)),
  want: { code: 20, line: `{files}/${name} is missing` },
}));

const unreadable = names.map<Row>((name) => ({
  name: `${name} belongs to somebody else`,
  given: locked(`files/${name}`),
  want: {
    code: 21,
    line: asRoot
      ? `{files}/${name} cannot be read by user ${user}: owner 0:0, mode 700, regular file`
      : `{files}/${name} cannot be read by user ${user}: owner ${user}:${process.getgid?.()}, mode 0, regular file`,
  },
}));

const empty = json.map<Row>((name) => ({
  name: `${name} is empty`,
  given: replaced(name, ''),
  want: { code: 22, line: `{files}/${name} is empty` },
}));

const good = goodFiles();
const garbled = json.flatMap<Row>((name) =>
  [
    { what: 'cut off', content: (good[name] ?? '').slice(0, -3) },
    { what: 'base64', content: Buffer.from(good[name] ?? '').toString('base64') },
    { what: 'a list', content: `[${good[name]}]` },
    { what: 'two objects', content: `${good[name]}${good[name]}` },
    { what: 'an object with a comma too many', content: (good[name] ?? '').replace(/\n\}\s*$/, ',\n}') },
    { what: 'an object with a line break in a text', content: '{"a":"b\nc"}' },
  ].map(({ what, content }) => ({
    name: `${name} is ${what}`,
    given: replaced(name, content),
    want: { code: 23, line: `{files}/${name} is not a JSON object` },
  })),
);

const rows: readonly Row[] = [
  ...missing,
  ...unreadable,
  ...empty,
  ...garbled,
  {
    name: 'the folder of the files belongs to somebody else',
    given: locked('files'),
    want: { code: 21, line: `{files} cannot be read by user ${user}` },
  },
  {
    name: '.agent is a folder',
    given: (pod) => {
      rmSync(pod.path('files/.agent'));
      pod.mount({ '.agent/x': '' });
    },
    want: { code: 21, line: `{files}/.agent cannot be read by user ${user}: owner {owner}, mode 755, directory` },
  },
  {
    name: '.agent lacks the pool',
    given: replaced('.agent', '{"agentId":7,"serverUrl":"https://a","workFolder":"w"}'),
    want: { code: 23, line: '{files}/.agent lacks poolId' },
  },
  {
    name: 'the key lacks a component',
    given: replaced('.credentials_rsaparams', keyFile({ inverseQ: undefined })),
    want: { code: 23, line: '{files}/.credentials_rsaparams lacks inverseQ' },
  },
  {
    name: 'a component of the key is spelt otherwise',
    given: replaced('.credentials_rsaparams', keyFile().replace('"modulus"', '"Modulus"')),
    want: { code: 23, line: '{files}/.credentials_rsaparams lacks modulus' },
  },
  {
    name: 'a line of .capabilities is no capability',
    given: replaced('.capabilities', 'a=b\nnode\n'),
    want: { code: 23, line: '{files}/.capabilities has a line that is not NAME=VALUE' },
  },
  {
    name: 'the credential is a PAT',
    given: replaced('.credentials', JSON.stringify({ scheme: 'PAT', data: { token: plantedToken } })),
    want: {
      code: 24,
      line: '{files}/.credentials is not of the scheme OAuth: no other credential may reach a pipeline step',
    },
  },
  {
    name: "the agent's root cannot be written",
    given: (pod) => {
      locked('run')(pod);
    },
    want: { code: 25, line: `{pod}/opt/agent/.agent cannot be written by user ${user}` },
  },
  {
    name: 'there is no folder for temporary files',
    given: () => {},
    env: { TMPDIR: '/nowhere' },
    want: { code: 25, line: `/nowhere cannot be written by user ${user}` },
  },
  {
    name: "the pool's credential is mounted beside the agent's",
    given: (pod) => pod.mount({ token: plantedToken }, 'registration'),
    want: { code: 26, line: '{pod}/registration/token is within reach of pipeline steps' },
  },
  {
    name: 'the image has no agent',
    given: (pod) => rmSync(pod.path('opt/agent/bin/Agent.Listener')),
    want: { code: 27, line: 'there is no agent in {pod}/opt/agent' },
  },
  {
    name: 'the grace is no number',
    given: () => {},
    env: { MAYFLY_GRACE_SECONDS: '1h' },
    want: { code: 64, line: 'MAYFLY_GRACE_SECONDS is not a number of seconds' },
  },
  {
    name: 'the mode is unknown',
    given: () => {},
    args: ['jit'],
    want: { code: 64, line: 'there is no mode jit: run, configure, check' },
  },
];

describe('the entrypoint refuses', () => {
  const ended = new Map<string, { readonly pod: AgentPod; readonly result: Ended }>();

  /** Each row waits mostly for processes to start: a few at a time. */
  beforeAll(async () => {
    const waiting = [...rows];
    const worker = async () => {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        const pod = new AgentPod();
        pod.mount(goodFiles());
        row.given(pod);
        const result = await pod.start(row.args ?? ['run'], { STAND_IN_STORY: 'job 0', ...row.env }).ended;
        ended.set(row.name, { pod, result });
      }
    };
    await Promise.all([worker(), worker(), worker()]);
  });
  afterAll(() => {
    for (const { pod } of ended.values()) pod.remove();
  });

  it.each(rows)('when $name', ({ name, want }) => {
    const seen = ended.get(name);
    if (seen === undefined) throw new Error('the row was not run');
    const { pod, result } = seen;
    const line = want.line
      .replace('{files}', pod.path('files'))
      .replace('{pod}', pod.folder)
      .replace('{owner}', asRoot ? '0:0' : `${user}:${process.getgid?.()}`);
    expect({ code: result.code, stdout: result.stdout, stderr: result.stderr }).toEqual({
      code: want.code,
      stdout: '',
      stderr: `mayfly: ${line}\n`,
    });
    expect(pod.read('termination')).toBe(`mayfly: ${line}`);
    expect(leaks(result.stderr)).toEqual([]);
  });
});

describe('the entrypoint takes', () => {
  const taken: readonly { readonly name: string; readonly files: Readonly<Record<string, string>> }[] = [
    { name: 'files with a byte order mark, as config.sh writes them', files: { '.agent': `\uFEFF${good['.agent']}` } },
    {
      name: 'member names in any case',
      files: { '.credentials': (good['.credentials'] ?? '').replace('scheme', 'Scheme') },
    },
    { name: 'no capabilities', files: { '.capabilities': '' } },
    { name: 'a capability with "=" in its value', files: { '.capabilities': 'a=b=c\n' } },
    { name: 'texts with quotes, escapes and other scripts', files: { '.agent': agentNamed('a"b\\c\u0001 {[é') } },
  ];

  it.each(taken)('$name', async ({ files }) => {
    const pod = new AgentPod();
    pod.mount({ ...goodFiles(), ...files });
    const { code, stderr } = await pod.start([], { STAND_IN_STORY: 'job 0' }).ended;
    const copies = Object.keys(files).map((name) => pod.read(`run/${name}`));
    pod.remove();
    expect({ code, stderr, copies }).toEqual({ code: 0, stderr: '', copies: Object.values(files) });
  });

  it('the proxy and certificate files of a pod, and writes every file that the image links', async () => {
    const pod = new AgentPod();
    pod.mount({ ...goodFiles(), '.proxy': 'http://proxy.contoso:3128\n' });
    const { code } = await pod.start([], { STAND_IN_STORY: 'job 0' }).ended;
    const written = Object.fromEntries(linkedNames.map((name) => [name, pod.read(`run/${name}`)]));
    pod.remove();
    expect({ code, written }).toEqual({
      code: 0,
      written: {
        ...goodFiles(),
        '.setup_info': expect.stringContaining('Agent: 5.278.0') as string,
        '.proxy': 'http://proxy.contoso:3128\n',
        '.proxybypass': '',
        '.certificates': '{}\n',
      },
    });
  });

  it('an agent root that is writable and has no links, as in an image of somebody else', async () => {
    const pod = new AgentPod();
    pod.mount(goodFiles());
    for (const name of linkedNames) rmSync(pod.path(`opt/agent/${name}`));
    pod.own('opt/agent');
    const { code } = await pod.start([], { STAND_IN_STORY: 'job 0' }).ended;
    const agent = pod.read('opt/agent/.agent');
    pod.remove();
    expect({ code, agent }).toEqual({ code: 0, agent: good['.agent'] });
  });
});

function agentNamed(agentName: string): string {
  return JSON.stringify({ ...(JSON.parse(good['.agent'] ?? '{}') as object), agentName });
}
