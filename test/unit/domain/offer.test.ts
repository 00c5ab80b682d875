import { describe, expect, it } from 'vitest';
import type { Capabilities } from '../../../shared/domain/agent.ts';
import {
  agentCapabilities,
  placeholderCapabilities,
  promisedCapabilities,
  withParameters,
} from '../../../shared/domain/offer.ts';
import type { ChosenParameters } from '../../../shared/domain/template.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const implicit = { 'Agent.Version': '5.278.0', 'Agent.OS': 'Linux', 'Agent.OSArchitecture': 'X64' };
const reported = { 'Agent.Name': 'any', 'Agent.ComputerName': 'any', 'Agent.HomeDirectory': 'any' };
const yes = (...names: readonly string[]): Capabilities =>
  Object.fromEntries(names.map((name) => [`mayfly.${name}`, 'true']));

const node18 = 'registry.contoso.example/agent@sha256:18';
const node22 = 'registry.contoso.example/agent@sha256:22';
const choice = {
  cpu: '2',
  memory: '8Gi',
  image: node18,
  parameters: { cpu: ['2', '4'], memory: ['16Gi'], image: { node18, node22 } },
} as const;

describe('what a template offers', () => {
  it.each([
    { name: 'the implicit capabilities', given: {}, want: implicit },
    {
      name: 'those of its system and architecture',
      given: { os: 'windows', architecture: 'arm64', agentVersion: '5.1.0' } as const,
      want: { 'Agent.Version': '5.1.0', 'Agent.OS': 'Windows_NT', 'Agent.OSArchitecture': 'ARM64' },
    },
    { name: 'its own', given: { capabilities: { docker: '27' } }, want: { ...implicit, docker: '27' } },
    {
      name: 'none of its own in place of implicit ones',
      given: { capabilities: { 'Agent.OS': 'plan9' } },
      want: implicit,
    },
    {
      name: 'granted demands, by existence and by value, but not by version',
      given: { grantedDemands: ['npm', 'sdk -equals 9', 'java -gtVersion 17', 'a -like b'] },
      want: { ...implicit, npm: 'granted', sdk: '9' },
    },
    {
      name: 'its own where it grants the same',
      given: { grantedDemands: ['npm'], capabilities: { npm: '10.2' } },
      want: { ...implicit, npm: '10.2' },
    },
  ])('is $name, of agent and placeholder alike', ({ given, want }) => {
    const template = aTemplate(given);
    expect([agentCapabilities(template), promisedCapabilities(template), placeholderCapabilities(template)]).toEqual([
      want,
      { ...reported, ...want },
      { ...reported, ...want },
    ]);
  });
});

describe('parameters in an offer', () => {
  const template = aTemplate(choice);

  it('are all listed values of a placeholder', () => {
    expect(placeholderCapabilities(template)).toEqual({
      ...reported,
      ...implicit,
      ...yes('cpu.2', 'cpu.4', 'memory.16Gi', 'image.node18', 'image.node22'),
    });
  });

  it.each<{ name: string; chosen: ChosenParameters; want: readonly string[] }>([
    {
      name: 'those that an agent has without choice, where they are listed',
      chosen: {},
      want: ['cpu.2', 'image.node18'],
    },
    { name: 'the chosen one in place of it', chosen: { cpu: '4' }, want: ['cpu.4', 'image.node18'] },
    {
      name: 'all that were chosen',
      chosen: { cpu: '4', memory: '16Gi', image: 'node22' },
      want: ['cpu.4', 'memory.16Gi', 'image.node22'],
    },
    { name: 'one that the template lists no more', chosen: { cpu: '8' }, want: ['cpu.8', 'image.node18'] },
  ])('are $name', ({ chosen, want }) => {
    expect(agentCapabilities(template, chosen)).toEqual({ ...implicit, ...yes(...want) });
    expect(promisedCapabilities(template, chosen)).toEqual({ ...reported, ...implicit, ...yes(...want) });
  });

  it.each([
    { name: 'a CPU that is written otherwise', given: { ...choice, cpu: '2000m' }, want: ['image.node18'] },
    { name: 'an image that is not listed', given: { ...choice, image: 'registry.contoso.example/x' }, want: ['cpu.2'] },
  ])('leave out $name: only what is listed as it is written can be demanded', ({ given, want }) => {
    expect(agentCapabilities(aTemplate(given))).toEqual({ ...implicit, ...yes(...want) });
  });
});

describe('withParameters', () => {
  const template = aTemplate(choice);
  it.each<{ name: string; chosen: ChosenParameters; want: object }>([
    { name: 'nothing chosen', chosen: {}, want: {} },
    { name: 'a CPU', chosen: { cpu: '4' }, want: { cpu: '4' } },
    {
      name: 'all',
      chosen: { cpu: '4', memory: '16Gi', image: 'node22' },
      want: { cpu: '4', memory: '16Gi', image: node22 },
    },
    { name: 'an image that is not listed', chosen: { image: 'node99' }, want: {} },
  ])('puts in place: $name', ({ chosen, want }) => {
    expect(withParameters(template, chosen)).toEqual({ ...template, ...want });
  });
});
