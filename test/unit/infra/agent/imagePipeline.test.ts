/** The pipeline that builds the agent image, as far as it can be read without Azure DevOps. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { keyParameter } from '../../../../shared/adapters/builders/pipelineRun.ts';
import { readSource } from '../../../support/sources.ts';

interface Pipeline {
  readonly parameters: readonly { readonly name: string; readonly default?: string }[];
  readonly pool: { readonly vmImage?: string };
  readonly steps: readonly {
    readonly task?: string;
    readonly inputs?: { readonly inlineScript?: string };
    readonly env?: Readonly<Record<string, string>>;
  }[];
}

const { text } = readSource('infra/agent/azure-pipelines-image.yml');
const pipeline = parse(text) as Pipeline;
const scripts = pipeline.steps.flatMap(({ inputs }) => inputs?.inlineScript ?? []);

describe('the pipeline of the agent image', () => {
  it('declares what Mayfly passes, each with a default for people', () => {
    expect(pipeline.parameters.map(({ name }) => name).toSorted()).toEqual(
      [keyParameter, 'tag', 'agentVersion', 'baseImage'].toSorted(),
    );
    expect(pipeline.parameters.every((each) => each.default !== undefined)).toBe(true);
  });

  it('runs on hosted agents', () => expect(pipeline.pool).toEqual({ vmImage: 'ubuntu-latest' }));

  it('puts no parameter into the text of a script', () => {
    expect(scripts).toHaveLength(1);
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });

  it('has scripts that a shell can read', async () => {
    for (const script of scripts)
      await expect(promisify(execFile)('bash', ['-n', '-c', script])).resolves.toBeDefined();
  });

  it('gives the Dockerfile every argument that it insists on', () => {
    const { text: dockerfile } = readSource('infra/agent/Dockerfile');
    const required = [...dockerfile.matchAll(/^ARG (\w+)$/gm)].flatMap(([, name]) =>
      name === 'TARGETARCH' ? [] : name,
    );
    expect([...new Set(required)].filter((name) => !scripts[0]?.includes(`--build-arg ${name}=`))).toEqual([]);
  });
});
