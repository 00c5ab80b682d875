import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  atDigest,
  formatImageReference,
  type ImageReference,
  isAllowed,
  isAllowedRepository,
  parseImageReference,
} from '../../../shared/domain/imageReference.ts';

const digest = `sha256:${'a1'.repeat(32)}`;
const longDigest = `sha512:${'b2'.repeat(64)}`;

describe('parseImageReference', () => {
  it.each<{ name: string; given: string; want: ImageReference }>([
    {
      name: 'registry, repository and tag',
      given: 'contoso.azurecr.io/agents/linux:2026.47',
      want: { registry: 'contoso.azurecr.io', repository: 'agents/linux', tag: '2026.47' },
    },
    {
      name: 'a digest alone',
      given: `ghcr.io/contoso/agent@${digest}`,
      want: { registry: 'ghcr.io', repository: 'contoso/agent', digest },
    },
    {
      name: 'tag and digest',
      given: `ghcr.io/contoso/agent:v1@${digest}`,
      want: { registry: 'ghcr.io', repository: 'contoso/agent', tag: 'v1', digest },
    },
    {
      name: 'a longer digest',
      given: `r.io/a@${longDigest}`,
      want: { registry: 'r.io', repository: 'a', digest: longDigest },
    },
    {
      name: 'an official image',
      given: 'node',
      want: { registry: 'docker.io', repository: 'library/node', tag: 'latest' },
    },
    {
      name: 'an official image under its older host',
      given: 'index.docker.io/node:24',
      want: { registry: 'docker.io', repository: 'library/node', tag: '24' },
    },
    {
      name: 'an owner on Docker Hub',
      given: 'moby/buildkit:rootless',
      want: { registry: 'docker.io', repository: 'moby/buildkit', tag: 'rootless' },
    },
    {
      name: 'localhost with a port',
      given: 'localhost:5000/agent',
      want: { registry: 'localhost:5000', repository: 'agent', tag: 'latest' },
    },
    {
      name: 'a host that only its capitals tell from a path',
      given: 'Harbor/agent:x',
      want: { registry: 'HARBOR', repository: 'agent', tag: 'x' },
    },
    {
      name: 'localhost without one',
      given: 'localhost/agent:x',
      want: { registry: 'localhost', repository: 'agent', tag: 'x' },
    },
    {
      name: 'an IPv6 address',
      given: '[::1]:5000/agent:x',
      want: { registry: '[::1]:5000', repository: 'agent', tag: 'x' },
    },
    {
      name: 'a host in capitals',
      given: 'Contoso.AzureCR.io/agent:X_1',
      want: { registry: 'contoso.azurecr.io', repository: 'agent', tag: 'X_1' },
    },
    {
      name: 'all separators of a path',
      given: 'r.io/a.b/c_d/e__f/g---h:1',
      want: { registry: 'r.io', repository: 'a.b/c_d/e__f/g---h', tag: '1' },
    },
  ])('reads $name', ({ given, want }) => {
    expect(parseImageReference(given)).toEqual(want);
  });

  it.each([
    { name: 'nothing', given: '' },
    { name: 'a scheme', given: 'https://ghcr.io/contoso/agent' },
    { name: 'capitals in the repository', given: 'ghcr.io/Contoso/agent' },
    { name: 'capitals in an official name', given: 'Node' },
    { name: 'a host alone', given: 'ghcr.io/' },
    { name: 'an empty path part', given: 'ghcr.io/a//b' },
    { name: 'a path that climbs', given: 'ghcr.io/a/../b' },
    { name: 'three underscores', given: 'ghcr.io/a___b' },
    { name: 'two dots', given: 'ghcr.io/a..b' },
    { name: 'an empty tag', given: 'ghcr.io/a:' },
    { name: 'a tag that begins with a dot', given: 'ghcr.io/a:.x' },
    { name: 'a tag of 129 characters', given: `ghcr.io/a:${'x'.repeat(129)}` },
    { name: 'a short digest', given: 'ghcr.io/a@sha256:abcd' },
    { name: 'a digest in capitals', given: `ghcr.io/a@sha256:${'A1'.repeat(32)}` },
    { name: 'another algorithm', given: `ghcr.io/a@md5:${'a1'.repeat(16)}` },
    { name: 'two digests', given: `ghcr.io/a@${digest}@${digest}` },
    { name: 'a port that is none', given: 'ghcr.io:99999/a' },
    { name: 'spaces', given: 'ghcr.io/a b' },
    { name: 'a line break at the end', given: 'ghcr.io/a:x\n' },
    { name: 'a repository of 256 characters', given: `ghcr.io/${'a'.repeat(256)}` },
  ])('refuses $name', ({ given }) => {
    expect(parseImageReference(given)).toBeUndefined();
  });

  it('takes a tag of 128 characters and a repository of 255', () => {
    const text = `ghcr.io/${'a'.repeat(255)}:${'x'.repeat(128)}`;
    expect(formatImageReference(parseImageReference(text) ?? { registry: '', repository: '' })).toBe(text);
  });

  it('reads back every reference that it prints', () => {
    const letters = 'abcxyz019'.split('');
    const word = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 8 });
    const joined = (separators: readonly string[], maxLength: number) =>
      fc
        .array(fc.tuple(word, fc.constantFrom(...separators)), { minLength: 1, maxLength })
        .map((parts) => parts.map(([text, separator], index) => (index === 0 ? text : separator + text)).join(''));
    const registry = fc
      .tuple(joined(['.', '-'], 4), fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }))
      .map(([name, port]) => `${name}.io${port === undefined ? '' : `:${port}`}`);
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 64, maxLength: 64 });
    const tag = fc
      .tuple(word, fc.string({ unit: fc.constantFrom(...letters, '.', '-', '_', 'A'), maxLength: 127 }))
      .map(([first, rest]) => (first + rest).slice(0, 128));
    const some = fc.record(
      {
        registry,
        repository: joined(['/', '.', '_', '__', '-', '--'], 6),
        tag,
        digest: hex.map((text) => `sha256:${text}`),
      },
      { requiredKeys: ['registry', 'repository'] },
    );
    const named = some.filter((reference) => reference.tag !== undefined || reference.digest !== undefined);
    fc.assert(
      fc.property(named, (reference) => {
        expect(parseImageReference(formatImageReference(reference))).toEqual(reference);
      }),
    );
  });

  it('never throws, and prints what it has read to the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aA1.:/@-_[]* \n'.split('')), maxLength: 30 }), (text) => {
        const reference = parseImageReference(text);
        const again = reference === undefined ? undefined : parseImageReference(formatImageReference(reference));
        expect(again).toEqual(reference);
      }),
    );
  });
});

describe('atDigest', () => {
  it('drops the tag', () => {
    const reference = { registry: 'ghcr.io', repository: 'contoso/agent', tag: 'v1' };
    expect(formatImageReference(atDigest(reference, digest))).toBe(`ghcr.io/contoso/agent@${digest}`);
  });
});

describe('isAllowed', () => {
  it.each([
    {
      name: 'the repository itself',
      reference: 'ghcr.io/contoso/agent:v1',
      allowed: ['ghcr.io/contoso/agent'],
      want: true,
    },
    {
      name: 'it by digest',
      reference: `ghcr.io/contoso/agent@${digest}`,
      allowed: ['ghcr.io/contoso/agent'],
      want: true,
    },
    { name: 'one below it', reference: 'ghcr.io/contoso/agent/x', allowed: ['ghcr.io/contoso/agent'], want: false },
    {
      name: 'one that begins alike',
      reference: 'ghcr.io/contoso/agent2',
      allowed: ['ghcr.io/contoso/agent'],
      want: false,
    },
    { name: 'all below a path', reference: 'ghcr.io/contoso/a/b', allowed: ['ghcr.io/contoso/*'], want: true },
    { name: 'not the path itself', reference: 'ghcr.io/contoso', allowed: ['ghcr.io/contoso/*'], want: false },
    {
      name: 'no path that begins alike',
      reference: 'ghcr.io/contoso-x/a',
      allowed: ['ghcr.io/contoso/*'],
      want: false,
    },
    { name: 'a whole registry', reference: 'contoso.azurecr.io/a/b', allowed: ['contoso.azurecr.io/*'], want: true },
    {
      name: 'another registry',
      reference: 'contoso.azurecr.io.evil.io/a',
      allowed: ['contoso.azurecr.io/*'],
      want: false,
    },
    { name: 'another port', reference: 'localhost:5001/a', allowed: ['localhost:5000/*'], want: false },
    {
      name: 'a registry in capitals',
      reference: 'contoso.azurecr.io/a',
      allowed: ['Contoso.azurecr.io/a'],
      want: true,
    },
    {
      name: 'an official image by its short name',
      reference: 'docker.io/library/node:24',
      allowed: ['node'],
      want: true,
    },
    { name: 'an owner on Docker Hub', reference: 'docker.io/moby/buildkit', allowed: ['moby/*'], want: true },
    { name: 'official images as an owner', reference: 'node', allowed: ['library/*'], want: true },
    {
      name: 'a path with registry, below Docker Hub',
      reference: 'moby/buildkit',
      allowed: ['docker.io/moby/*'],
      want: true,
    },
    { name: 'nothing by an empty list', reference: 'ghcr.io/a', allowed: [], want: false },
    { name: 'nothing by an entry with a tag', reference: 'ghcr.io/a:v1', allowed: ['ghcr.io/a:v1'], want: false },
    { name: 'nothing by a bare star', reference: 'ghcr.io/a', allowed: ['*', '/*'], want: false },
    { name: 'no name that cannot be', reference: 'ghcr.io/contoso/../x', allowed: ['ghcr.io/*'], want: false },
  ])('decides on $name', ({ reference, allowed, want }) => {
    expect(isAllowed(reference, allowed)).toBe(want);
  });
});

describe('isAllowedRepository', () => {
  it.each([
    { text: 'ghcr.io/contoso/agent', want: true },
    { text: 'ghcr.io/*', want: true },
    { text: 'localhost:5000/*', want: true },
    { text: '[::1]:5000/*', want: true },
    { text: 'moby/*', want: true },
    { text: 'node', want: true },
    { text: 'ghcr.io/a:v1', want: false },
    { text: `ghcr.io/a@${digest}`, want: false },
    { text: 'ghcr.io/a*', want: false },
    { text: 'ghcr.io/*/a', want: false },
    { text: '*', want: false },
    { text: '/*', want: false },
    { text: '', want: false },
  ])('takes "$text": $want', ({ text, want }) => {
    expect(isAllowedRepository(text)).toBe(want);
  });
});
