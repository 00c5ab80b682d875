/** Refusals around parameters, fallbacks, reserved names, modes and warm capacity. */
import { describe, expect, it } from 'vitest';
import { aConfigText, aPoolDocument, aTemplateDocument, problemsOf } from '../../support/configText.ts';

const image = `registry.contoso.example/agent@sha256:${'c'.repeat(64)}`;
const template = (overrides: object): object => ({ templates: [aTemplateDocument(overrides)] });
const parameters = (value: object, more: object = {}): object => template({ parameters: value, ...more });
const pool = (overrides: object): object => ({ pools: [aPoolDocument(overrides)] });
const warm = (overrides: object): object => pool({ warm: [{ template: 'linux', count: 1, ...overrides }] });

const reservedRule = 'must not begin with mayfly., which is for parameters';
const demandRule = 'must be a demand: name, or name -equals value';
const cpuRule = 'must be a CPU quantity such as 500m or 2';
const hoursRule = 'must be hours such as 08:00-18:00, between 00:00 and 24:00';
const zoneRule = 'must be the IANA name of a time zone, such as Europe/Berlin';
const nameRule = 'must be made of A-Z, a-z, 0-9, ., _ and -, a letter or digit first';
const digestRule = 'must carry a digest (@sha256:...) unless allowTags is true';

/** A template with a fallback, both in the one pool. */
const falling = (spot: object, onDemand: object = {}): object => ({
  templates: [
    aTemplateDocument({ name: 'spot', fallback: { template: 'on-demand' }, ...spot }),
    aTemplateDocument({ name: 'on-demand', ...onDemand }),
  ],
  pools: [aPoolDocument({ templates: ['spot', 'on-demand'] })],
});

interface Row {
  readonly name: string;
  readonly given: object;
  readonly path: string;
  readonly rule: string;
  readonly found: string;
}

const row = (name: string, given: object, path: string, rule: string, found: string): Row => ({
  name,
  given,
  path,
  rule,
  found,
});

const parameterRows: readonly Row[] = [
  row(
    'an unknown parameter',
    parameters({ disk: ['1Gi'] }),
    'templates[0].parameters.disk',
    'unknown key, known are cpu, memory, image',
    'a list of 1',
  ),
  row('a CPU parameter that is none', parameters({ cpu: ['two'] }), 'templates[0].parameters.cpu[0]', cpuRule, '"two"'),
  row(
    'a CPU parameter of nothing',
    parameters({ cpu: [1, 0] }),
    'templates[0].parameters.cpu[1]',
    'must be above 0',
    '0',
  ),
  row(
    'a memory parameter that is none',
    parameters({ memory: ['8 GB'] }),
    'templates[0].parameters.memory[0]',
    'must be a memory quantity such as 512Mi or 4Gi',
    '"8 GB"',
  ),
  row(
    'a memory suffix that Kubernetes does not have',
    template({ memory: '512K' }),
    'templates[0].memory',
    'must be a memory quantity such as 512Mi or 4Gi',
    '"512K"',
  ),
  row(
    'a parameter value as text and as number',
    parameters({ cpu: ['1', 1] }),
    'templates[0].parameters.cpu[1]',
    'must be listed once',
    '1',
  ),
  row(
    'a parameter value twice',
    parameters({ memory: ['2Gi', '4Gi', '2Gi'] }),
    'templates[0].parameters.memory[2]',
    'must be listed once',
    '"2Gi"',
  ),
  row(
    'a name of an image with a space',
    parameters({ image: { 'node 22': image } }),
    'templates[0].parameters.image["node 22"]',
    nameRule,
    JSON.stringify(image).slice(0, 60),
  ),
  row(
    'names of images that differ by case alone',
    parameters({ image: { node: 'a:1', Node: 'a:2' } }, { allowTags: true }),
    'templates[0].parameters.image.Node',
    'must differ from the others by more than case',
    '"a:2"',
  ),
  row(
    'an image to choose without digest',
    parameters({ image: { node22: 'node:22' } }),
    'templates[0].parameters.image.node22',
    digestRule,
    '"node:22"',
  ),
  row(
    'an image to choose that is none, tags allowed',
    parameters({ image: { node22: 'node 22' } }, { allowTags: true }),
    'templates[0].parameters.image.node22',
    'must be an image reference',
    '"node 22"',
  ),
  row(
    'an empty image to choose',
    parameters({ image: { node22: '' } }),
    'templates[0].parameters.image.node22',
    'must not be empty',
    '""',
  ),
];

const reservedRows: readonly Row[] = [
  row(
    'a capability that stands for a parameter',
    template({ capabilities: { 'Mayfly.cpu.4': 'true' } }),
    'templates[0].capabilities["Mayfly.cpu.4"]',
    reservedRule,
    '"true"',
  ),
  row(
    'a granted demand that stands for a parameter',
    template({ grantedDemands: ['mayfly.memory.8Gi'] }),
    'templates[0].grantedDemands[0]',
    reservedRule,
    '"mayfly.memory.8Gi"',
  ),
  row(
    'a demand for a parameter, granted by the pool',
    pool({ grantedDemands: ['msbuild', ' MAYFLY.x -equals y'] }),
    'pools[0].grantedDemands[1]',
    reservedRule,
    '" MAYFLY.x -equals y"',
  ),
  row(
    'a demand outside the grammar, granted by the pool',
    pool({ grantedDemands: ['a b'] }),
    'pools[0].grantedDemands[0]',
    demandRule,
    '"a b"',
  ),
  row(
    'a granted demand that names no version to claim',
    template({ grantedDemands: ['node -gtVersion 22.0'] }),
    'templates[0].grantedDemands[0]',
    demandRule,
    '"node -gtVersion 22.0"',
  ),
];

const fallbackRows: readonly Row[] = [
  row(
    'a fallback that is no template',
    falling({ fallback: { template: 'on-demnd' } }),
    'templates[0].fallback.template',
    'must be one of the templates, did you mean "on-demand"?',
    '"on-demnd"',
  ),
  row('a fallback to nothing', falling({ fallback: {} }), 'templates[0].fallback.template', 'is required', 'nothing'),
  row(
    'a fallback sooner than any node could answer',
    falling({ fallback: { template: 'on-demand', after: '9s' } }),
    'templates[0].fallback.after',
    'must be between 10s and 24h',
    '"9s"',
  ),
  row(
    'a template as its own fallback',
    falling({ fallback: { template: 'spot' } }),
    'templates[0].fallback.template',
    'must be another template',
    '"spot"',
  ),
  row(
    'fallbacks in a circle',
    falling({}, { fallback: { template: 'spot' } }),
    'templates[0].fallback.template',
    'must not lead back to its template: spot -> on-demand -> spot',
    '"on-demand"',
  ),
  row(
    'a circle that the first template leads into',
    {
      templates: [
        aTemplateDocument({ fallback: { template: 'b' } }),
        aTemplateDocument({ name: 'a', fallback: { template: 'b' } }),
        aTemplateDocument({ name: 'b', fallback: { template: 'a' } }),
      ],
      pools: [aPoolDocument({ templates: ['linux', 'a', 'b'] })],
    },
    'templates[1].fallback.template',
    'must not lead back to its template: a -> b -> a',
    '"b"',
  ),
  row(
    'a fallback of another operating system',
    falling({}, { os: 'windows' }),
    'templates[0].fallback.template',
    'must have the same os',
    '"on-demand"',
  ),
  row(
    'a fallback that lacks capabilities or has other values',
    falling({ capabilities: { docker: '27', Size: 'large', gpu: 'a' } }, { capabilities: { size: 'small', GPU: 'A' } }),
    'templates[0].fallback.template',
    'must offer the same as the template; it lacks docker, Size',
    '"on-demand"',
  ),
  row(
    'a fallback that does not grant what the template grants',
    falling({ grantedDemands: ['msbuild', 'x -equals 1'] }, { grantedDemands: ['MSBuild', 'x'] }),
    'templates[0].fallback.template',
    'must offer the same as the template; it lacks x',
    '"on-demand"',
  ),
  row(
    'a fallback that lacks values to choose',
    falling(
      { parameters: { cpu: ['1', 2], memory: ['4Gi'], image: { Node: image } } },
      { parameters: { cpu: [1], memory: ['4Gi', '8Gi'], image: { node: image } } },
    ),
    'templates[0].fallback.template',
    'must offer the same as the template; it lacks mayfly.cpu.2, mayfly.image.Node',
    '"on-demand"',
  ),
  row(
    'a pool that lists a template without its fallback',
    { ...falling({}), ...pool({ templates: ['spot'] }) },
    'pools[0].templates',
    'must list on-demand, the fallback of spot',
    'a list of 1',
  ),
];

const poolRows: readonly Row[] = [
  row('a mode unheard of', pool({ mode: 'dry' }), 'pools[0].mode', 'must be one of active, shadow', '"dry"'),
  row(
    'a default template that the pool does not list',
    {
      templates: [aTemplateDocument(), aTemplateDocument({ name: 'windows' })],
      ...pool({ defaultTemplate: 'windows' }),
    },
    'pools[0].defaultTemplate',
    "must be one of the pool's templates, known are linux",
    '"windows"',
  ),
  row(
    'a warm template that the pool does not list',
    warm({ template: 'linx' }),
    'pools[0].warm[0].template',
    'must be one of the pool\'s templates, did you mean "linux"?',
    '"linx"',
  ),
  row('no warm agent', warm({ count: 0 }), 'pools[0].warm[0].count', 'must be at least 1', '0'),
  row('too many warm agents', warm({ count: 101 }), 'pools[0].warm[0].count', 'must be at most 100', '101'),
  row('no weekday', warm({ weekdays: [] }), 'pools[0].warm[0].weekdays', 'must not be empty', 'a list of 0'),
  row(
    'a weekday unheard of',
    warm({ weekdays: ['mon', 'tues'] }),
    'pools[0].warm[0].weekdays[1]',
    'must be one of mon, tue, wed, thu, fri, sat, sun',
    '"tues"',
  ),
  row(
    'a weekday twice',
    warm({ weekdays: ['mon', 'tue', 'mon'] }),
    'pools[0].warm[0].weekdays',
    'must name each day once',
    'a list of 3',
  ),
  row('hours without end', warm({ hours: '08:00' }), 'pools[0].warm[0].hours', hoursRule, '"08:00"'),
  row('hours of one digit', warm({ hours: '8:00-18:00' }), 'pools[0].warm[0].hours', hoursRule, '"8:00-18:00"'),
  row(
    'hours from midnight on the wrong side',
    warm({ hours: '24:00-08:00' }),
    'pools[0].warm[0].hours',
    hoursRule,
    '"24:00-08:00"',
  ),
  row('hours beyond the day', warm({ hours: '08:00-24:01' }), 'pools[0].warm[0].hours', hoursRule, '"08:00-24:01"'),
  row('a zone unheard of', warm({ zone: 'Europe/Atlantis' }), 'pools[0].warm[0].zone', zoneRule, '"Europe/Atlantis"'),
  row('an offset in place of a zone', warm({ zone: '+02:00' }), 'pools[0].warm[0].zone', zoneRule, '"+02:00"'),
  row('no zone', warm({ zone: '' }), 'pools[0].warm[0].zone', zoneRule, '""'),
  row(
    'warm agents too short-lived to be of use',
    pool({ warmMaxAge: '4m' }),
    'pools[0].warmMaxAge',
    'must be between 5m and 24h',
    '"4m"',
  ),
];

describe('parseConfig', () => {
  it.each([...parameterRows, ...reservedRows, ...fallbackRows, ...poolRows])(
    'refuses $name',
    ({ given, path, rule, found }) => {
      expect(problemsOf(aConfigText(given))).toEqual([{ path, rule, found: expect.stringContaining(found) }]);
    },
  );

  it.each([
    {
      name: 'a template whose fallback offers more, on another architecture',
      given: falling(
        { capabilities: { docker: '27' }, parameters: { cpu: ['2'] } },
        {
          capabilities: { Docker: '27', extra: 'x' },
          parameters: { cpu: [2, 4] },
          architecture: 'arm64',
          grantedDemands: ['y'],
        },
      ),
    },
    {
      name: 'a chain of fallbacks',
      given: {
        templates: ['a', 'b', 'c'].map((name, index, names) => {
          const next = names[index + 1];
          return aTemplateDocument({ name, ...(next !== undefined && { fallback: { template: next } }) });
        }),
        pools: [aPoolDocument({ templates: ['c', 'a', 'b'] })],
      },
    },
    {
      name: 'two entries of one warm template',
      given: pool({
        warm: [
          { template: 'linux', count: 1 },
          { template: 'linux', count: 3 },
        ],
      }),
    },
    {
      name: 'a demand that both pool and template grant',
      given: { ...template({ grantedDemands: ['x'] }), ...pool({ grantedDemands: ['x'] }) },
    },
  ])('accepts $name', ({ given }) => {
    expect(problemsOf(aConfigText(given))).toEqual([]);
  });

  it('tells no value of a capability that a fallback lacks', () => {
    const given = falling({ capabilities: { licence: `\${SECRET}` } });
    expect(JSON.stringify(problemsOf(aConfigText(given), { SECRET: 'hunter2' }))).not.toContain('hunter2');
  });
});
