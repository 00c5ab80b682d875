/** What a template offers to demands: its own capabilities, the agent's implicit ones and the granted demands. */
import type { Capabilities } from './agent.ts';
import { parseDemand } from './demand.ts';
import type { Template } from './template.ts';

const architectures = { amd64: 'X64', arm64: 'ARM64' } as const;
const systems = { linux: 'Linux', windows: 'Windows_NT' } as const;

function grantedCapabilities(demands: readonly string[]): Capabilities {
  const granted: Record<string, string> = {};
  for (const text of demands) {
    const demand = parseDemand(text);
    if (demand?.kind === 'exists') granted[demand.name] = 'granted';
    if (demand?.kind === 'equals') granted[demand.name] = demand.value;
  }
  return granted;
}

/** The capabilities that the placeholder, the registration and the running agent of a template all advertise. */
export function offeredCapabilities(template: Template): Capabilities {
  return {
    ...grantedCapabilities(template.grantedDemands),
    ...template.capabilities,
    'Agent.Version': template.agentVersion,
    'Agent.OS': systems[template.os],
    'Agent.OSArchitecture': architectures[template.architecture],
  };
}
