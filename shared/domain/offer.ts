/**
 * What a template offers to demands: its own capabilities, the agent's implicit ones, granted demands and parameters.
 * A placeholder offers every listed value of every parameter, an agent only those it was made with.
 */
import type { Capabilities } from './agent.ts';
import { parseDemand } from './demand.ts';
import type { ChosenParameters, Template } from './template.ts';

const architectures = { amd64: 'X64', arm64: 'ARM64' } as const;
const systems = { linux: 'Linux', windows: 'Windows_NT' } as const;

export const parameterNames = ['cpu', 'memory', 'image'] as const;
export type ParameterName = (typeof parameterNames)[number];

/** The capability that stands for one value of a parameter; demanded by existence. */
export const parameterCapability = (parameter: ParameterName, value: string): string => `mayfly.${parameter}.${value}`;

/** The values of a parameter that a template lists. */
export function listedValues(template: Template, parameter: ParameterName): readonly string[] {
  return parameter === 'image' ? Object.keys(template.parameters.image) : template.parameters[parameter];
}

/**
 * What an agent has of a parameter without anybody having chosen it. Its value is offered only where it is listed as it
 * is written; undefined = it is not.
 */
function standardValue(template: Template, parameter: ParameterName): string | undefined {
  if (parameter !== 'image') return template.parameters[parameter].find((value) => value === template[parameter]);
  return Object.entries(template.parameters.image).find(([, image]) => image === template.image)?.[0];
}

function offeredValues(values: (parameter: ParameterName) => readonly string[]): Capabilities {
  return Object.fromEntries(
    parameterNames.flatMap((parameter) =>
      values(parameter).map((value) => [parameterCapability(parameter, value), 'true']),
    ),
  );
}

function grantedCapabilities(demands: readonly string[]): Capabilities {
  const granted: Record<string, string> = {};
  for (const text of demands) {
    const demand = parseDemand(text);
    if (demand?.kind === 'exists') granted[demand.name] = 'granted';
    if (demand?.kind === 'equals') granted[demand.name] = demand.value;
  }
  return granted;
}

/**
 * What could not be read may be of any version: a demand for a minimum must not say that no template would do. No agent
 * is made of it before its version is known.
 */
const anyVersion = '2147483647.0.0';

function ownCapabilities(template: Template): Capabilities {
  return {
    ...grantedCapabilities(template.grantedDemands),
    ...template.capabilities,
    'Agent.Version': template.agentVersion ?? anyVersion,
    'Agent.OS': systems[template.os],
    'Agent.OSArchitecture': architectures[template.architecture],
  };
}

/** Every agent reports these of itself, with values that nobody knows before it runs: only existence is promised. */
const reportedByAgents: Capabilities = {
  'Agent.Name': 'any',
  'Agent.ComputerName': 'any',
  'Agent.HomeDirectory': 'any',
};

/** What an agent that is registered, and has never run, will report. */
export const onceRunning = (registered: Capabilities): Capabilities => ({ ...reportedByAgents, ...registered });

/** What the registration and the running agent advertise. */
export function agentCapabilities(template: Template, chosen: ChosenParameters = {}): Capabilities {
  const values = offeredValues((parameter) => {
    const value = chosen[parameter] ?? standardValue(template, parameter);
    return value === undefined ? [] : [value];
  });
  return { ...values, ...ownCapabilities(template) };
}

/** What an agent will report once it runs, as far as can be told before. */
export function promisedCapabilities(template: Template, chosen: ChosenParameters = {}): Capabilities {
  return onceRunning(agentCapabilities(template, chosen));
}

/** What a placeholder advertises: all that some agent of the template could be made with. */
export function placeholderCapabilities(template: Template): Capabilities {
  const values = offeredValues((parameter) => listedValues(template, parameter));
  return { ...reportedByAgents, ...values, ...ownCapabilities(template) };
}

/** The template with the chosen values in place of its own. Values that it does not list leave it as it is. */
export function withParameters(template: Template, chosen: ChosenParameters): Template {
  const image = chosen.image === undefined ? undefined : template.parameters.image[chosen.image];
  return {
    ...template,
    cpu: chosen.cpu ?? template.cpu,
    memory: chosen.memory ?? template.memory,
    image: image ?? template.image,
    agentVersion: versionOf(template, image ?? template.image),
  };
}

/** Each image has an agent of its own, unless one is brought into all of them. */
function versionOf({ image: own, inject, agentVersion, imageVersions }: Template, image: string): string | undefined {
  return image === own || inject !== undefined || imageVersions === undefined ? agentVersion : imageVersions[image];
}

/** For whoever registers an agent. Throws a RangeError where the version is not known: no plan makes such an agent. */
export function agentVersionOf({ name, agentVersion }: Template): string {
  if (agentVersion === undefined) throw new RangeError(`the agent version of template ${name} is not known`);
  return agentVersion;
}
