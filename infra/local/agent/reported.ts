/** What an agent tells of itself and its machine when it opens a session. */
import type { Capabilities } from '../../../shared/domain/agent.ts';

/** Where the agent lies in our image. */
const home = '/opt/mayfly/agent';

/**
 * On top of what its files and variables say: the agent's own facts are scanned last and win (azure-pipelines-agent,
 * AgentCapabilitiesProvider.cs). Version and system are facts of the image; `configured` repeats them where it can.
 */
export function reportedCapabilities(agentName: string, machine: string, configured: Capabilities): Capabilities {
  return {
    'Agent.Version': '5.278.0',
    'Agent.OS': 'Linux',
    'Agent.OSArchitecture': 'X64',
    ...configured,
    'Agent.Name': agentName,
    'Agent.ComputerName': machine,
    'Agent.HomeDirectory': home,
  };
}
