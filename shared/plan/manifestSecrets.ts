/** The Secrets of an agent job: immutable, and collected with the Job of exactly one UID. */
import type { Capabilities } from '../domain/agent.ts';
import type { JsonObject } from '../domain/json.ts';
import { labelSchema, labels, managedBy } from '../domain/names.ts';
import { Secret } from '../domain/secret.ts';
import type { TemplateProxy } from '../domain/template.ts';
import { type AgentFiles, capabilityLines, proxyFiles } from './agentFiles.ts';

interface OwnedSecret {
  /** Also the name of the Job. */
  readonly name: string;
  readonly namespace: string;
  readonly owner: { readonly name: string; readonly uid: string };
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AgentSecretSpec extends OwnedSecret {
  readonly files: AgentFiles;
}

export interface RegistrationSecretSpec extends OwnedSecret {
  /** Short-lived, and good for the pools of its identity alone. */
  readonly token: Secret;
  readonly capabilities: Capabilities;
  /** The template's: config.sh goes through it, and the agent after it. */
  readonly proxy?: TemplateProxy | undefined;
}

/**
 * The Secret of an agent that is registered already, in full: it holds the private key in the clear (base64), so it
 * goes to the API server and nowhere else.
 */
export function buildAgentSecretManifest({ files, ...spec }: AgentSecretSpec): JsonObject {
  return secretManifest(spec, files);
}

/** The Secret of an agent that its init container registers; the token stands in the clear here too. */
export function buildRegistrationSecretManifest(registration: RegistrationSecretSpec): JsonObject {
  const { token, capabilities, proxy, ...spec } = registration;
  const content = { token, '.capabilities': capabilityLines(capabilities) };
  return secretManifest(spec, { ...content, ...(proxy && proxyFiles(proxy)) });
}

function secretManifest(spec: OwnedSecret, content: Readonly<Record<string, string | Secret>>): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: { [labels.managedBy]: managedBy, [labels.schema]: labelSchema, ...spec.labels },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', ...spec.owner, controller: false, blockOwnerDeletion: false },
      ],
    },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(
      Object.entries(content).map(([name, text]) => [name, base64(text instanceof Secret ? text.reveal() : text)]),
    ),
  };
}

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
