/**
 * Every name, label and annotation that Mayfly writes. Names are the lock: a name is derived from what it is for,
 * never random, and never used twice. The installation id in it is our mark: nothing without it is ever touched.
 */
import type { AgentJobPurpose } from './agentJob.ts';
import { shortHash } from './hash.ts';
import type { EpochMs } from './instant.ts';

export const domainPrefix = 'mayfly.dev';

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  schema: `${domainPrefix}/schema`,
  installation: `${domainPrefix}/installation`,
  organisation: `${domainPrefix}/organisation`,
  poolId: `${domainPrefix}/pool-id`,
  template: `${domainPrefix}/template`,
  purpose: `${domainPrefix}/purpose`,
  requestId: `${domainPrefix}/request-id`,
  attempt: `${domainPrefix}/attempt`,
  slot: `${domainPrefix}/slot`,
  minute: `${domainPrefix}/minute`,
} as const;

export const annotations = {
  phase: `${domainPrefix}/phase`,
  phaseAt: `${domainPrefix}/phase-at`,
  creator: `${domainPrefix}/creator`,
  /** Azure DevOps' time of the creation: what the cluster's own clock is compared with. */
  createdAt: `${domainPrefix}/created-at`,
  createBy: `${domainPrefix}/create-by`,
  agentId: `${domainPrefix}/agent-id`,
  served: `${domainPrefix}/served`,
  reason: `${domainPrefix}/reason`,
  detail: `${domainPrefix}/detail`,
  /** JSON of the request that was lost with the pod. */
  lost: `${domainPrefix}/lost`,
  rerun: `${domainPrefix}/rerun`,
  overAge: `${domainPrefix}/over-age`,
  /** The image that was asked for: what is run may have been rewritten on its way into the cluster. */
  image: `${domainPrefix}/image`,
  /** Since when that image has been the candidate that this agent is to prove. */
  candidate: `${domainPrefix}/candidate`,
  /** JSON of what the request chose. */
  parameters: `${domainPrefix}/parameters`,
} as const;

/** Instants in annotations are decimal milliseconds: a JSON Patch `test` compares text, so there is one spelling. */
export const formatInstant = (at: EpochMs): string => String(Math.trunc(at));

/** Reads an instant of an annotation back; undefined = absent or not one of ours. */
export function parseInstant(text: string | undefined): EpochMs | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Of the label schema: raised when labels change their meaning. */
export const labelSchema = '1';
export const managedBy = 'mayfly';

/** Where an agent job or placeholder belongs. */
export interface NameScope {
  readonly installation: string;
  readonly organisation: string;
  readonly poolId: number;
}

/** Kubernetes Job names become pod names and label values: 63 characters are the limit of both. */
export const maxNameLength = 63;

const stem = (scope: NameScope): string => `mf-${scope.installation}-${scope.organisation}-${scope.poolId}`;

/** Four characters that stand for an organisation: its URL decides, so two control planes agree. */
export function organisationShort(url: string): string {
  return shortHash(url.toLowerCase().replace(/\/+$/, ''), 4);
}

export function templateShort(template: string): string {
  return shortHash(template, 6);
}

/** The name of an agent, its Job and its Secret: they bear the same one. */
export function agentJobName(scope: NameScope, purpose: AgentJobPurpose, template: string): string {
  return purpose.kind === 'request'
    ? `${stem(scope)}-${purpose.requestId}-${purpose.attempt}`
    : `${stem(scope)}-w-${templateShort(template)}-${purpose.slot}-${purpose.minute}`;
}

export function placeholderName(scope: NameScope, template: string): string {
  return `${stem(scope)}-p-${templateShort(template)}`;
}

/** In hexadecimal digits: enough that two probes of one pool at a time do not meet. */
const probeMarkLength = 8;

/**
 * The throw-away agent of the live probe. It bears our mark in a form that `parseName` does not know, so no rule of a
 * plan ever touches it: only the probe itself removes what an earlier one left. `nonce` is a UUID.
 */
export function probeAgentName(scope: NameScope, nonce: string): string {
  const digits = nonce.replaceAll(/[^0-9a-f]/g, '').slice(0, probeMarkLength);
  return `${stem(scope)}-d-${digits.padStart(probeMarkLength, '0')}`;
}

export function isProbeAgentName(scope: NameScope, name: string): boolean {
  const prefix = `${stem(scope)}-d-`;
  return name.startsWith(prefix) && /^[0-9a-f]{8}$/.test(name.slice(prefix.length));
}

export type ParsedName =
  | { readonly kind: 'request'; readonly requestId: number; readonly attempt: number }
  | { readonly kind: 'warm'; readonly template6: string; readonly slot: number; readonly minute: number }
  | { readonly kind: 'placeholder'; readonly template6: string };

const number = (text: string | undefined): number => Number(text);

/** Reads a name of ours back; undefined = not ours, or not of this pool. */
export function parseName(scope: NameScope, name: string): ParsedName | undefined {
  const prefix = `${stem(scope)}-`;
  if (!name.startsWith(prefix)) return undefined;
  const rest = name.slice(prefix.length);
  const request = /^(\d+)-(\d+)$/.exec(rest);
  if (request) return { kind: 'request', requestId: number(request[1]), attempt: number(request[2]) };
  const placeholder = /^p-([0-9a-z]{6})$/.exec(rest);
  if (placeholder) return { kind: 'placeholder', template6: placeholder[1] ?? '' };
  const warm = /^w-([0-9a-z]{6})-(\d+)-(\d+)$/.exec(rest);
  if (warm) return { kind: 'warm', template6: warm[1] ?? '', slot: number(warm[2]), minute: number(warm[3]) };
  return undefined;
}

/** The path of an annotation or label in a JSON Pointer (RFC 6901 escapes "/" as "~1"). */
export function pointer(...segments: readonly string[]): string {
  return segments.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export const annotationPointer = (annotation: string): string => pointer('metadata', 'annotations', annotation);
