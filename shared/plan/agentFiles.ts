/**
 * The files with which an agent listens without ever having been configured inside its pod. They hold what
 * config.sh would have written, and nothing that could register a second agent.
 * Source: ConfigurationStore, RSAFileKeyManager and the capabilities provider of the public agent sources (v5.278).
 */
import type { Capabilities } from '../domain/agent.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Secret } from '../domain/secret.ts';
import type { TemplateProxy } from '../domain/template.ts';

export const agentFileNames = ['.agent', '.credentials', '.credentials_rsaparams', '.capabilities'] as const;
export type AgentFileName = (typeof agentFileNames)[number];

/** Content by file name. Only the private key is a secret: the other three say who the agent is, not that it is. */
export type AgentFiles = Readonly<Record<Exclude<AgentFileName, '.credentials_rsaparams'>, string>> & {
  readonly '.credentials_rsaparams': Secret;
  readonly '.proxy'?: string;
  readonly '.proxybypass'?: string;
};

/** Where the agent works inside its container: an emptyDir of the generated pod. */
export const agentWorkFolder = '/mayfly/work';

export interface AgentFilesSpec {
  readonly agentName: string;
  readonly agentId: number;
  readonly poolId: number;
  readonly poolName: string;
  /** The address the agent shall use; see `agentServerUrl`. */
  readonly serverUrl: string;
  readonly clientId: string;
  readonly authorizationUrl: string;
  readonly rsaParameters: Secret;
  readonly capabilities: Capabilities;
  /** The template's. */
  readonly proxy?: TemplateProxy | undefined;
  /** Absolute, or below the agent's root. */
  readonly workFolder?: string;
}

/** Throws RangeError on a capability that a KEY=VALUE line cannot carry; the configuration never lets one through. */
export function buildAgentFiles(spec: AgentFilesSpec): AgentFiles {
  const { agentId, agentName, poolId, poolName, serverUrl, clientId, authorizationUrl } = spec;
  const workFolder = spec.workFolder ?? agentWorkFolder;
  return {
    '.agent': json({ agentId, agentName, poolId, poolName, serverUrl, workFolder }),
    // Azure DevOps Services issues its tokens where it says; only Server rewrites the host of the token endpoint.
    '.credentials': json({
      scheme: 'OAuth',
      data: { clientId, authorizationUrl, oauthEndpointUrl: authorizationUrl },
    }),
    '.credentials_rsaparams': spec.rsaParameters,
    '.capabilities': capabilityLines(spec.capabilities),
    ...(spec.proxy === undefined ? {} : proxyFiles(spec.proxy)),
  };
}

/** User and password have no file of their own kind: the agent finds them in VSTS_HTTP_PROXY_USERNAME and _PASSWORD. */
export function proxyFiles({ url, bypass }: TemplateProxy): {
  readonly '.proxy': string;
  readonly '.proxybypass': string;
} {
  const patterns = bypass.flatMap((host) => bypassPattern(host) ?? []);
  return { '.proxy': `${url}\n`, '.proxybypass': patterns.map((pattern) => `${pattern}\n`).join('') };
}

/**
 * The agent's file holds regular expressions that it looks for in whole addresses (VstsAgentWebProxy.cs): one for a host
 * and all below it. None can stand for a range of addresses, which the agent has in no_proxy only.
 */
function bypassPattern(host: string): string | undefined {
  if (host.includes('/')) return undefined;
  const name = host.replace(/^\./, '').replaceAll('.', String.raw`\.`);
  // Of a host alone: what stands behind a question mark or a backslash is for others to choose.
  return String.raw`^https?://([^/@?#\\]+\.)?${name}(:\d+)?([/?#]|$)`;
}

/**
 * The server URL for `.agent`: the path that the registration answered under the scheme, host and port that we were
 * configured with, as config.sh does it. A proxy or private address in front of the organisation stays in use.
 */
export function agentServerUrl(configured: string, registered: string | undefined): string {
  if (registered === undefined || !URL.canParse(registered)) return configured;
  return new URL(new URL(registered).pathname, configured).href;
}

function json(content: JsonObject): string {
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** The agent splits at the first "=" and knows no escapes: a line break in a value would forge a second capability. */
export function isCapabilityLine(name: string, value: string): boolean {
  return /^[^\s=]+$/.test(name) && !/[\r\n\0]/.test(value);
}

/** Throws RangeError on a capability that a line cannot carry. */
export function capabilityLines(capabilities: Capabilities): string {
  const entries = Object.entries(capabilities).toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of entries) {
    if (!isCapabilityLine(name, value)) throw new RangeError(`capability ${JSON.stringify(name)} fits no line`);
  }
  return entries.map(([name, value]) => `${name}=${value}\n`).join('');
}
