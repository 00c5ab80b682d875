/** Request bodies: bytes, media types, JSON, and the words in which the API server refuses them. */
import type { IncomingMessage } from 'node:http';
import type { JsonValue } from '../../../../shared/domain/json.ts';
import type { ResourceType } from '../resource.ts';
import { badRequest, KubernetesStatus } from '../statusError.ts';
import type { PatchType } from '../verbs.ts';

/** The server's limit of a JSON request (k8s.io/apiserver/pkg/server/config.go). */
const maxBytes = 3 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What lies beyond the limit is read and dropped, so that the client sees the answer and not a broken pipe.
    if (size <= maxBytes) chunks.push(chunk);
  }
  if (size <= maxBytes) return Buffer.concat(chunks).toString('utf8');
  const message = `Request entity too large: limit is ${maxBytes}`;
  throw new KubernetesStatus({ code: 413, reason: 'RequestEntityTooLarge', message, details: {} });
}

const mediaTypeOf = (header: string | undefined): string => (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

function unsupportedMedia(accepted: readonly string[]): KubernetesStatus {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new KubernetesStatus({ code: 415, reason: 'UnsupportedMediaType', message });
}

const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};
const applyTypes = ['application/apply-patch+yaml', 'application/apply-patch+cbor'];

/** 415 for what no server reads, 501 for what only a real one reads. An object without a type is taken for JSON. */
export function checkObjectType(header: string | undefined, unmodelled: () => KubernetesStatus): void {
  const media = mediaTypeOf(header);
  if (media === '' || media === 'application/json') return;
  throw objectTypes.includes(media) ? unmodelled() : unsupportedMedia(objectTypes);
}

export function patchTypeOf(header: string | undefined, unmodelled: () => KubernetesStatus): PatchType {
  const media = mediaTypeOf(header);
  const type = Object.hasOwn(patchTypes, media) ? patchTypes[media] : undefined;
  if (type !== undefined) return type;
  throw applyTypes.includes(media) ? unmodelled() : unsupportedMedia([...Object.keys(patchTypes), ...applyTypes]);
}

/** Go's words for a body that ends too early are recorded; those for other faults are an approximation. */
function goError(source: string): string {
  if (source.trim() === '' || isCutShort(source)) return 'unexpected end of JSON input';
  return `invalid character '${source.trim()[0] ?? ''}' looking for beginning of value`;
}

function isCutShort(source: string): boolean {
  const brackets = source.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return (brackets.match(/[[{]/g) ?? []).length > (brackets.match(/[\]}]/g) ?? []).length;
}

const quotedLimit = 30;
const quoted = (source: string): string =>
  source.length > quotedLimit ? `${source.slice(0, quotedLimit)} ...` : source || '<empty>';

export function parseObject(source: string, type: Pick<ResourceType, 'kind'>): JsonValue {
  try {
    return JSON.parse(source) as JsonValue;
  } catch {
    const why = `couldn't get version/kind; json parse error: ${goError(source)} (${quoted(source)})`;
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): ${why}`);
  }
}

export function parsePatch(source: string): JsonValue {
  try {
    return JSON.parse(source) as JsonValue;
  } catch {
    throw badRequest(`error decoding patch: ${goError(source)}`);
  }
}
