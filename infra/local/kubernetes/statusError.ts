/**
 * The failures of an API server, as the Status objects it sends. Wording, reasons and causes are those of
 * kube-apiserver v1.36.2 (test/fixtures/kubernetes-api.json).
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { ResourceType } from './resource.ts';

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface StatusFields {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
}

/** Thrown by every verb that fails; a door sends `code` and `body` as they are. */
export class KubernetesStatus extends Error {
  override readonly name = 'KubernetesStatus';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(fields: StatusFields) {
    super(fields.message);
    this.code = fields.code;
    this.reason = fields.reason;
    this.details = fields.details;
  }

  get body(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: detailsBody(this.details) }),
      code: this.code,
    };
  }
}

function detailsBody(details: StatusDetails): JsonObject {
  const { causes, ...plain } = details;
  return { ...plain, ...(causes === undefined ? {} : { causes: causes.map((cause) => ({ ...cause })) }) };
}

const group = (type: ResourceType): StatusDetails => (type.group === '' ? {} : { group: type.group });
const byPlural = (type: ResourceType, name: string): StatusDetails => ({ name, ...group(type), kind: type.resource });

/** "jobs.batch" or "pods". */
const qualified = (type: ResourceType): string =>
  type.group === '' ? type.resource : `${type.resource}.${type.group}`;
const qualifiedKind = (type: ResourceType): string => (type.group === '' ? type.kind : `${type.kind}.${type.group}`);

export function alreadyExists(type: ResourceType, name: string): KubernetesStatus {
  const message = `${qualified(type)} "${name}" already exists`;
  return new KubernetesStatus({ code: 409, reason: 'AlreadyExists', message, details: byPlural(type, name) });
}

export function notFound(type: ResourceType, name: string): KubernetesStatus {
  const message = `${qualified(type)} "${name}" not found`;
  return new KubernetesStatus({ code: 404, reason: 'NotFound', message, details: byPlural(type, name) });
}

export function badRequest(message: string): KubernetesStatus {
  return new KubernetesStatus({ code: 400, reason: 'BadRequest', message });
}

/** Something behind the API server failed. */
export function internalError(why: string): KubernetesStatus {
  const message = `Internal error occurred: ${why}`;
  return new KubernetesStatus({ code: 500, reason: 'InternalError', message, details: { causes: [] } });
}

/** The answer to a body that is no object of the kind that the path asks for. */
export function cannotHandle(type: ResourceType, kind: string, version: string, why: string): KubernetesStatus {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${type.kind}: ${why}`);
}

export function forbidden(
  type: ResourceType,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): KubernetesStatus {
  const message = `${qualified(type)} "${name}" is forbidden: ${why}`;
  const details = { ...byPlural(type, name), ...(causes === undefined ? {} : { causes }) };
  return new KubernetesStatus({ code: 403, reason: 'Forbidden', message, details });
}

export function staleObject(type: ResourceType, name: string): KubernetesStatus {
  const message =
    `Operation cannot be fulfilled on ${qualified(type)} "${name}": the object has been modified; ` +
    'please apply your changes to the latest version and try again';
  return new KubernetesStatus({ code: 409, reason: 'Conflict', message, details: byPlural(type, name) });
}

/** A delete whose precondition does not hold names the kind, not the plural. */
export function failedPrecondition(type: ResourceType, name: string, why: string): KubernetesStatus {
  const message = `Operation cannot be fulfilled on ${qualifiedKind(type)} "${name}": ${why}`;
  const details = { name, ...group(type), kind: type.kind };
  return new KubernetesStatus({ code: 409, reason: 'Conflict', message, details });
}

/** 422 with causes. The message names each distinct cause once, the list repeats what was found twice. */
export function invalid(
  type: Pick<ResourceType, 'group' | 'kind'>,
  name: string,
  causes: readonly StatusCause[],
): KubernetesStatus {
  const distinct = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const list = distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`;
  const kind = type.group === '' ? type.kind : `${type.kind}.${type.group}`;
  return new KubernetesStatus({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${name}" is invalid: ${list}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(type.group === '' ? {} : { group: type.group }),
      kind: type.kind,
      causes,
    },
  });
}

/** A JSON Patch whose `test` fails says no more than this. */
export function failedPatch(): KubernetesStatus {
  const message = 'the server rejected our request due to an error in our request';
  return new KubernetesStatus({ code: 422, reason: 'Invalid', message, details: {} });
}

/** A real server can, this one cannot: said loudly, so that nobody takes its silence for the real behaviour. */
export function notModelled(what: string): KubernetesStatus {
  const message = `the stand-in does not model ${what}`;
  return new KubernetesStatus({ code: 501, reason: 'NotImplemented', message, details: {} });
}

/** A list or watch that begins before what is kept. */
export function expired(message: string): KubernetesStatus {
  return new KubernetesStatus({ code: 410, reason: 'Expired', message });
}
