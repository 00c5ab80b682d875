import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../../shared/config/jsonSchema.ts';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { poolPolicies } from '../../../shared/config/poolPolicies.ts';
import { aConfigDocument, aTemplateDocument } from '../../support/configText.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const validate = new Ajv({ allErrors: true, strict: false }).compile(configJsonSchema());

describe('mayfly.schema.json', () => {
  it('is in step with the schema that parses (node infra/cli/writeSchema.ts writes it)', async () => {
    expect(JSON.parse(await read('mayfly.schema.json'))).toEqual(configJsonSchema());
  });

  it('accepts what the parser accepts and refuses an unknown key', () => {
    const withTypo = aConfigDocument({ templates: [aTemplateDocument({ imgae: 'x' })] });
    expect([validate(aConfigDocument()), validate(withTypo)]).toEqual([true, false]);
  });
});

describe('mayfly.yaml', () => {
  const settings = { MAYFLY_ADO_URL: 'http://127.0.0.1:7001/contoso', MAYFLY_KUBERNETES_URL: 'http://127.0.0.1:7002' };

  it('starts with the reference that editors follow', async () => {
    expect(await read('mayfly.yaml')).toMatch(/^# yaml-language-server: \$schema=\.\/mayfly\.schema\.json\n/);
  });

  it('holds two pools and three templates for the local start', async () => {
    const config = parseConfig(await read('mayfly.yaml'), 'mayfly.yaml', settings);
    expect(
      poolPolicies(config).map((policy) => [policy.poolId, policy.poolName, policy.templates.map(({ name }) => name)]),
    ).toEqual([
      [1, 'linux', ['linux', 'linux-large']],
      [2, 'web', ['node', 'linux']],
    ]);
    expect([config.installation, config.templates.length, config.organisations[0]?.url]).toEqual([
      'demo',
      3,
      settings.MAYFLY_ADO_URL,
    ]);
  });

  it('satisfies the schema for editors as it is written', async () => {
    validate(parse(await read('mayfly.yaml')));
    expect(validate.errors).toBeNull();
  });
});
