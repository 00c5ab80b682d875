import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import {
  aClusterDocument,
  aConfigDocument,
  aConfigText,
  anOrganisationDocument,
  aPoolDocument,
  aTemplateDocument,
  problemsOf,
} from '../../support/configText.ts';

const template = (overrides: object): object => ({ templates: [aTemplateDocument(overrides)] });
const pool = (overrides: object): object => ({ pools: [aPoolDocument(overrides)] });
const organisation = (overrides: object): object => ({ organisations: [anOrganisationDocument(overrides)] });
const access = (value: object): object => ({ clusters: [aClusterDocument({ access: value })] });
const reference = (name: string): string => `\${${name}}`;

describe('parseConfig', () => {
  it('tells all that is wrong at once, unknown names beside typing errors', () => {
    const text = aConfigText({
      ...template({ image: 'agent:1', cost: 'x' }),
      ...pool({ id: 'one', organisation: 'other' }),
    });
    expect(
      problemsOf(text)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(['pools[0].id', 'pools[0].organisation', 'templates[0].cost', 'templates[0].image']);
  });

  it.each([
    { name: 'a syntax error with its line', text: 'installation: test\npools: [1', path: 'line 2, column 10' },
    { name: 'a repeated key', text: 'installation: test\ninstallation: prod', path: 'line 2, column 1' },
    { name: "another tool's tag", text: 'installation: !secret test', path: 'line 1, column 15' },
  ])('refuses $name', ({ text, path }) => {
    expect(problemsOf(text)[0]).toEqual({ path, rule: 'must be YAML', found: expect.any(String) });
  });

  it.each([
    { name: 'nothing at all', text: '' },
    { name: 'brackets without end', text: '['.repeat(20_000) },
    {
      name: 'aliases that multiply',
      text: `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd'].map((key, index) => `${key}: &${key} [${Array(9).fill(`*${'abc'[index]}`).join(',')}]`).join('\n')}`,
    },
    {
      name: 'a map nested beyond reason',
      text: Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    },
  ])('refuses $name in a few words', ({ text }) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThan(12);
  });

  it('fills settings in, keeps escaped ones and never shows their values', () => {
    const given = {
      ...organisation({ url: reference('URL') }),
      ...template({ pod: { hostname: `$${reference('HOME')}` } }),
    };
    const config = parseConfig(aConfigText(given), 'mayfly.yaml', { URL: 'http://127.0.0.1:8080/contoso' });
    expect([config.organisations[0]?.url, config.templates[0]?.pod]).toEqual([
      'http://127.0.0.1:8080/contoso',
      { hostname: reference('HOME') },
    ]);
    const shown = JSON.stringify(problemsOf(aConfigText(given), { URL: 'ftp://user:hunter2@x' }));
    expect(shown).toContain(reference('URL'));
    expect(shown).not.toContain('hunter2');
  });

  it('refuses a setting that is not set', () => {
    const rule = `must name a setting that is set; write $${reference('URL')} for the text itself`;
    expect(problemsOf(aConfigText(organisation({ url: reference('URL') })), { URL: '' })).toEqual([
      { path: 'organisations[0].url', rule, found: reference('URL') },
    ]);
  });

  it('never repeats a secret that stands where its name belongs', () => {
    const secret = 'hunter2 hunter2';
    const given = {
      ...organisation({ credential: { kind: 'pat', environment: secret, token: secret } }),
      hooks: { secret: { current: secret } },
      ...access({ kind: 'token', server: 'https://k.example', token: secret }),
    };
    const problems = problemsOf(aConfigText(given));
    expect(problems.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('cuts long values', () => {
    expect(problemsOf(aConfigText({ installation: 'x'.repeat(500) }))[0]?.found).toMatch(
      /^"x{59}… \(502 characters\)$/,
    );
  });

  it('fails in no other way than ConfigError, whatever the YAML holds', () => {
    const keys = fc.constantFrom(
      ...Object.keys(aConfigDocument()),
      'name',
      'access',
      'kind',
      'image',
      'pod',
      'limits',
      'boot',
      'id',
      '__proto__',
      'constructor',
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom('linux', 'contoso', reference('HOME'), 'inCluster', 'pat', '', '.nan'),
        fc.string(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 6 }),
      ),
    }));
    const text = fc.oneof(
      fc.string(),
      value.map((any) => stringify(any)),
      fc.dictionary(keys, value).map((any) => aConfigText(any)),
    );
    fc.assert(
      fc.property(text, (any) => {
        expect(problemsOf(any, { HOME: 'x' })).toBeInstanceOf(Array);
      }),
      { numRuns: 500, seed: 20_261_121 },
    );
  });
});
