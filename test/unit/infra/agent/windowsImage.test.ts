/** The image for Windows, as far as it can be read where there is no Windows: it keeps to what the Linux one and the pod do. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { registerContainerSpec } from '../../../../shared/plan/manifestContainers.ts';
import { agentFilesFolder, registrationFolder, runFolder } from '../../../../shared/plan/podPlaces.ts';
import { aTemplate } from '../../../support/policyBuilders.ts';
import { readSource } from '../../../support/sources.ts';

const dockerfile = readSource('infra/agent/windows/Dockerfile').text;
const script = readSource('infra/agent/windows/entrypoint.ps1').text;
const page = readSource('docs/agent-image.md').text;

/** The first group of each match. */
const allOf = (text: string, pattern: RegExp): readonly string[] => [...text.matchAll(pattern)].map((m) => m[1] ?? '');
const onWindows = (path: string): string => `C:${path.replaceAll('/', '\\')}`;

describe('the Dockerfile for Windows', () => {
  it('builds on an image that is given by digest, or not at all', () => {
    expect(allOf(dockerfile, /^FROM (\S+)/gm)).toEqual([`\${BASE_IMAGE}`]);
    expect(dockerfile).toMatch(/^ARG BASE_IMAGE$/m);
    expect(dockerfile).toContain("-notlike '*@sha256:*') { throw");
  });

  it('takes the package by its sum alone', () => {
    const steps = ['$env:AGENT_SHA256_WINDOWS -cnotmatch', 'Invoke-WebRequest', 'Get-FileHash', 'Expand-Archive'];
    const places = steps.map((step) => dockerfile.indexOf(step));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(dockerfile).toMatch(/^ARG AGENT_SHA256_WINDOWS$/m);
  });

  it('says which agent is in the image', () => {
    expect(dockerfile).toMatch(/^LABEL dev\.mayfly\.agent-version="\$\{AGENT_VERSION\}"/m);
  });

  it("ends as the pod's user and starts what it copies", () => {
    expect(allOf(dockerfile, /^USER (\S+)$/gm).at(-1)).toBe('ContainerUser');
    const [from = '', to = ''] = /^COPY (\S+) C:(\S+)$/m.exec(dockerfile)?.slice(1) ?? [];
    expect(existsSync(from)).toBe(true);
    expect(dockerfile).toContain(`"-File", "${onWindows(to).replaceAll('\\', '\\\\')}"]`);
  });
});

describe('the entrypoint for Windows', () => {
  it('ends with codes that the page lists', () => {
    const listed = allOf(page, /^\| (\d+) \|/gm);
    const own = new Set(allOf(script, /Stop-Entrypoint (\d+)/g));
    expect([...own].filter((code) => !listed.includes(code))).toEqual([]);
    expect(own.size).toBeGreaterThan(10);
  });

  it('looks where the pod has its files', () => {
    const folders = allOf(script, /^\$(?:files|registration) = '(.+)'$/gm);
    expect(folders).toEqual([agentFilesFolder, registrationFolder].map(onWindows));
    expect(script).not.toContain(onWindows(runFolder));
  });

  it('knows every argument of the init container', () => {
    const place = { url: 'https://dev.azure.com/contoso', poolName: 'linux' };
    const { args } = registerContainerSpec(aTemplate({ os: 'windows' }), 'mf-1', place);
    const given = (Array.isArray(args) ? args : []).map(String).filter((each) => each.startsWith('--'));
    const known = allOf(/\$known = @\{(.*)\}/.exec(script)?.[1] ?? '', /(\w+) =/g).map((name) => `--${name}`);
    expect(given.filter((each) => !known.includes(each))).toEqual([]);
    expect(given).not.toEqual([]);
  });

  it('hands the token over by no argument', () => {
    expect(script).not.toMatch(/'--(token|replace)'/);
  });

  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
  it.each([
    { line: 'Authorization: Bearer abc.def', want: 'Authorization: Bearer ***' },
    { line: 'authorization: basic OmFiYw==', want: 'authorization: basic ***' },
    { line: `got ${jwt}, next`, want: 'got ***, next' },
    { line: 'grant=x&client_assertion=abc&y=1', want: 'grant=x&client_assertion=***&y=1' },
    { line: '{"access_token":"abc","n":1}', want: '{"access_token":"***","n":1}' },
    { line: 'https://u:p@host/x', want: 'https://***@host/x' },
    { line: `modulus ${'kEy'.repeat(57)}=`, want: 'modulus ***' },
    { line: 'Listening for Jobs', want: 'Listening for Jobs' },
    { line: 'Session at https://dev.azure.com/contoso/_apis/distributedtask/pools/12', want: undefined },
  ])('masks like the other one: $line', ({ line, want }) => {
    expect(masked(line)).toBe(want ?? line);
  });
});

/** By the script's own expressions: JavaScript reads them as .NET does. */
function masked(line: string): string {
  const rules = [...script.matchAll(/\$Line -creplace '((?:[^']|'')+)', '([^']*)'/g)];
  expect(rules).toHaveLength(6);
  return rules.reduce(
    (text, [, pattern = '', by = '']) => text.replaceAll(new RegExp(pattern.replaceAll("''", "'"), 'g'), by),
    line,
  );
}
