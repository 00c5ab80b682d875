/**
 * The files that make an agent, read as Microsoft's agent reads them: member names in any case, except in the key
 * file, whose reader is exact (azure-pipelines-agent ConfigurationStore.cs, RSAFileKeyManager.cs).
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Capabilities } from '../../../shared/domain/agent.ts';
import type { AgentFileName } from '../../../shared/plan/agentFiles.ts';

export interface AgentCredentials {
  readonly agentId: number;
  readonly agentName: string;
  readonly poolId: number;
  readonly serverUrl: string;
  readonly clientId: string;
  /** The audience of what it signs. */
  readonly authorizationUrl: string;
  /** Where it asks for tokens; the same address, except behind a renamed Server. */
  readonly oauthEndpointUrl: string;
  readonly privateKey: KeyObject;
  readonly capabilities: Capabilities;
}

const agentSchema = z.object({
  agentid: z.int().positive(),
  agentname: z.string().min(1),
  poolid: z.int().positive(),
  serverurl: z.url(),
  workfolder: z.string().min(1),
});

const credentialsSchema = z.object({
  scheme: z.literal('OAuth'),
  data: z
    .unknown()
    .transform(lowerCased)
    .pipe(z.object({ clientid: z.string(), authorizationurl: z.url(), oauthendpointurl: z.url() })),
});

const component = z.base64().transform((text) => Buffer.from(text, 'base64').toString('base64url'));
const keySchema = z.object({
  d: component,
  dp: component,
  dq: component,
  exponent: component,
  inverseQ: component,
  modulus: component,
  p: component,
  q: component,
});

function lowerCased(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key.toLowerCase(), entry]));
}

/** Errors name the file and never quote it. */
function read<T>(files: Readonly<Record<string, string>>, name: AgentFileName, schema: z.ZodType<T>): T {
  const text = files[name];
  if (text === undefined) throw new Error(`Not configured: there is no ${name}.`);
  let value: unknown;
  try {
    // What config.sh writes begins with a byte order mark.
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new Error(`Not configured: ${name} is no JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => issue.path.join('.'));
  throw new Error(`Not configured: ${name} has no valid ${paths.join(', ')}.`);
}

/** KEY=VALUE lines; the first "=" separates. */
export function capabilitiesOf(text: string): Capabilities {
  const lines = text.split(/\r?\n/).filter((line) => line.indexOf('=') > 0);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function privateKeyOf(key: z.infer<typeof keySchema>): KeyObject {
  const { exponent: e, modulus: n, inverseQ: qi, ...rest } = key;
  return createPrivateKey({ key: { kty: 'RSA', e, n, qi, ...rest }, format: 'jwk' });
}

/** Throws where the agent would say that it is not configured. */
export function readCredentials(files: Readonly<Record<string, string>>): AgentCredentials {
  const agent = read(files, '.agent', z.unknown().transform(lowerCased).pipe(agentSchema));
  const { data } = read(files, '.credentials', z.unknown().transform(lowerCased).pipe(credentialsSchema));
  return {
    agentId: agent.agentid,
    agentName: agent.agentname,
    poolId: agent.poolid,
    serverUrl: agent.serverurl.replace(/\/+$/, ''),
    clientId: data.clientid,
    authorizationUrl: data.authorizationurl,
    oauthEndpointUrl: data.oauthendpointurl,
    privateKey: privateKeyOf(read(files, '.credentials_rsaparams', keySchema)),
    capabilities: capabilitiesOf(files['.capabilities'] ?? ''),
  };
}
