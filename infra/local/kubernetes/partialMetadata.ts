/** Objects without anything but their metadata, as a client gets them that asks for PartialObjectMetadata. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { at, list, record } from './object.ts';

/** Kind and version of the form, not of the object (kubernetes.io/docs/reference/using-api/api-concepts). */
const typed = (kind: string): JsonObject => ({ kind, apiVersion: 'meta.k8s.io/v1' });

export const partialMetadata = (object: JsonObject): JsonObject => ({
  ...typed('PartialObjectMetadata'),
  metadata: record(object, 'metadata'),
});

/** Of a list or of one object; the items of a list have no type of their own. */
export function asPartialMetadata(body: JsonObject): JsonObject {
  if (at(body, 'items') === undefined) return partialMetadata(body);
  const items = list(body, 'items').filter(isJsonObject);
  return {
    ...typed('PartialObjectMetadataList'),
    metadata: record(body, 'metadata'),
    items: items.map((item) => ({ metadata: record(item, 'metadata') })),
  };
}
