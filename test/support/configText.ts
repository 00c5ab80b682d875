/** A valid mayfly.yaml as a value, to be changed in one place and written as YAML. */
import { stringify } from 'yaml';
import { parseConfig, type Settings } from '../../shared/config/parseConfig.ts';
import { ConfigError, type ConfigProblem } from '../../shared/domain/errors.ts';

const digest = `sha256:${'b'.repeat(64)}`;

export const aTemplateDocument = (overrides: object = {}): object => ({
  name: 'linux',
  image: `registry.contoso.example/agent@${digest}`,
  agentVersion: '5.278.0',
  ...overrides,
});

export const aPoolDocument = (overrides: object = {}): object => ({
  organisation: 'contoso',
  id: 1,
  name: 'linux',
  templates: ['linux'],
  ...overrides,
});

export const anOrganisationDocument = (overrides: object = {}): object => ({
  name: 'contoso',
  url: 'https://dev.azure.com/contoso',
  ...overrides,
});

export const aClusterDocument = (overrides: object = {}): object => ({
  name: 'primary',
  access: { kind: 'inCluster' },
  ...overrides,
});

export const aConfigDocument = (overrides: object = {}): object => ({
  installation: 'test',
  organisations: [anOrganisationDocument()],
  clusters: [aClusterDocument()],
  templates: [aTemplateDocument()],
  pools: [aPoolDocument()],
  ...overrides,
});

export const aConfigText = (overrides: object = {}): string => stringify(aConfigDocument(overrides));

/** What parsing complains about; empty when it does not. Any other error than ConfigError is thrown on. */
export function problemsOf(text: string, settings: Settings = {}): readonly ConfigProblem[] {
  try {
    parseConfig(text, 'mayfly.yaml', settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
