/** "May I?", asked by `kubectl auth can-i` and by our own self-check. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/domain/json.ts';
import { record, text } from '../object.ts';
import { badRequest } from '../statusError.ts';
import type { Attributes } from './rbac.ts';
import { notImplemented } from './requestInfo.ts';

/** Throws 400 for what is no review, 501 for one about a path. */
export function reviewedAttributes(body: JsonValue): Attributes {
  if (!isJsonObject(body) || body['kind'] !== 'SelfSubjectAccessReview') {
    throw badRequest('the object provided is unrecognized (must be of type SelfSubjectAccessReview)');
  }
  const asked = record(body, 'spec', 'resourceAttributes');
  if (Object.keys(asked).length === 0) throw notImplemented('POST', 'a review of nonResourceAttributes');
  return {
    verb: text(asked, 'verb') ?? '',
    group: text(asked, 'group') ?? '',
    resource: text(asked, 'resource') ?? '',
    subresource: text(asked, 'subresource') || undefined,
    namespace: text(asked, 'namespace') || undefined,
    name: text(asked, 'name') || undefined,
  };
}

export function answeredReview(body: JsonValue, allowed: boolean): JsonObject {
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec: record(body, 'spec'),
    status: { allowed },
  };
}
