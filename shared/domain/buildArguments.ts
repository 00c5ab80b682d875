/** Parameters of a build as a Dockerfile names them. */

/** `agentVersion` is AGENT_VERSION in a Dockerfile. */
export function buildArguments(parameters: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(parameters).map(([name, value]) => [
    name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase(),
    value,
  ]);
}
