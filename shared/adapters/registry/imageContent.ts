/**
 * What manifests, indexes and configurations of images say. Source: OCI image-spec v1.1; distribution, "Image Manifest
 * Version 2, Schema 2".
 */

import { isDigest } from '../../domain/imageReference.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { ResolvedImage } from '../../ports/images.ts';
import type { Content } from './distribution.ts';
import { jsonOf, maxBodyBytes, unexpected } from './exchange.ts';

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const configTypes = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];

/** What we can read; a registry that is not told so may convert an image to something older. */
export const mediaTypes: readonly string[] = [...indexTypes, ...manifestTypes];

export const agentVersionLabel = 'dev.mayfly.agent-version';

const operation = 'reading an image';

/** What to read next to know an image. */
export type Next =
  | { readonly kind: 'manifest'; readonly digest: string }
  | { readonly kind: 'config'; readonly digest: string };

/** Throws `unexpected` for what is no image of a kind that we know. */
export function nextOf({ body, mediaType: header }: Content): Next {
  const json = jsonOf(body);
  if (json === undefined) throw unexpected(operation, 'the manifest is not JSON');
  const mediaType = typeof json['mediaType'] === 'string' ? json['mediaType'] : header;
  // One text that is a manifest to one reader and an index to another would be two images (CVE-2021-41190).
  const known = mediaTypes.includes(header);
  if ((known && mediaType !== header) || (json['manifests'] !== undefined && json['layers'] !== undefined))
    throw unexpected(operation, 'the manifest is of two kinds at once');
  if (indexTypes.includes(mediaType)) return { kind: 'manifest', digest: bestOf(json['manifests']) };
  if (manifestTypes.includes(mediaType)) return { kind: 'config', digest: configOf(json['config']) };
  throw unexpected(
    operation,
    json['schemaVersion'] === 1 ? 'the manifest is of schema 1' : 'the manifest is of no kind that we know',
  );
}

/** Empty where something else than text stands there. */
function textIn(json: JsonObject, name: string): string {
  const value = json[name];
  return typeof value === 'string' ? value : '';
}

/** linux/amd64, else the first; the agent package is of one version on all platforms. */
function bestOf(manifests: JsonValue | undefined): string {
  const all = Array.isArray(manifests) ? manifests.filter(isJsonObject) : [];
  const images = all.filter((each) => !isAttestation(each) && manifestTypes.includes(textIn(each, 'mediaType')));
  const best = images.find((each) => platformOf(each) === 'linux/amd64') ?? images[0];
  return digestIn(best, 'the index names no image');
}

const platformOf = ({ platform }: JsonObject): string =>
  isJsonObject(platform) ? `${textIn(platform, 'os')}/${textIn(platform, 'architecture')}` : '';

/** What BuildKit stores beside the images: provenance and bills of materials. Source: its attestation-storage.md. */
const isAttestation = (entry: JsonObject): boolean => platformOf(entry) === 'unknown/unknown';

function configOf(config: JsonValue | undefined): string {
  const known = isJsonObject(config) && configTypes.includes(textIn(config, 'mediaType')) ? config : undefined;
  return digestIn(known, 'the manifest is not that of an image');
}

function digestIn(descriptor: JsonObject | undefined, problem: string): string {
  const { digest, size } = descriptor ?? {};
  if (typeof digest !== 'string' || !isDigest(digest)) throw unexpected(operation, problem);
  if (typeof size !== 'number' || size > maxBodyBytes) throw unexpected(operation, 'a part is too large to be read');
  return digest;
}

/**
 * Reproducible builds date all that they make at the begin of some clock: year 1 (Go's zero time), 1970 (Kaniko's
 * --reproducible, ko, SOURCE_DATE_EPOCH=0), 1980 (the first date of zip). There were no images before 2013.
 */
const firstImageMs = Date.UTC(2013, 0);

/** The label and the time of the build. */
export function imageOf(digest: string, { body }: Content): ResolvedImage {
  const json = jsonOf(body);
  if (json === undefined || !isJsonObject(json['rootfs'])) throw unexpected(operation, 'the configuration is none');
  const agentVersion = versionIn(json['config']);
  const createdAt = Date.parse(textIn(json, 'created'));
  return {
    digest,
    ...(agentVersion !== undefined && { agentVersion }),
    ...(createdAt > firstImageMs && { createdAt }),
  };
}

/** undefined = the image has no such label; one that cannot be read is an error, not an absence. */
function versionIn(settings: JsonValue | undefined): string | undefined {
  const labels = isJsonObject(settings) ? settings['Labels'] : undefined;
  const label = isJsonObject(labels) ? labels[agentVersionLabel] : undefined;
  if (label === undefined) return undefined;
  if (typeof label === 'string' && /^\d+\.\d+\.\d+$/.test(label)) return label;
  throw unexpected(operation, `the label ${agentVersionLabel} is no version`);
}
