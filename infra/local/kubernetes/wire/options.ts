/** The options of a request, from its query and, for a delete, its body. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/domain/json.ts';
import { count, list, record, text } from '../object.ts';
import { badRequest, invalid, notModelled } from '../statusError.ts';
import type {
  PodLogOptions,
  SelectorOptions,
  WatchOptions,
  WorldDeleteOptions,
  WorldListOptions,
  WriteOptions,
} from '../verbs.ts';
import { isSet } from './requestInfo.ts';

const given = (query: URLSearchParams, key: string): string | undefined => query.get(key) ?? undefined;

const selectors = (query: URLSearchParams): SelectorOptions => ({
  labelSelector: given(query, 'labelSelector'),
  fieldSelector: given(query, 'fieldSelector'),
});

export function listOptions(query: URLSearchParams): WorldListOptions {
  const limit = given(query, 'limit');
  // As Go's strconv says it; the server wraps it no further.
  if (limit !== undefined && !/^-?\d+$/.test(limit)) {
    throw badRequest(`strconv.ParseInt: parsing "${limit}": invalid syntax`);
  }
  return {
    ...selectors(query),
    limit: limit === undefined || Number(limit) <= 0 ? undefined : Number(limit),
    continue: given(query, 'continue'),
    resourceVersion: given(query, 'resourceVersion'),
    resourceVersionMatch: given(query, 'resourceVersionMatch'),
  };
}

export function watchOptions(query: URLSearchParams): WatchOptions {
  return {
    ...selectors(query),
    resourceVersion: given(query, 'resourceVersion'),
    allowWatchBookmarks: isSet(query.get('allowWatchBookmarks')),
    sendInitialEvents: isSet(query.get('sendInitialEvents')),
  };
}

/** Of the log only its end can be asked for here. */
export function logOptions(query: URLSearchParams): PodLogOptions {
  const others = [...query.keys()].filter((key) => !['container', 'tailLines', 'limitBytes'].includes(key));
  if (others.length > 0) throw notModelled(`a log with ${others.join(', ')}`);
  return {
    container: given(query, 'container'),
    tailLines: numberOf(given(query, 'tailLines')),
    limitBytes: numberOf(given(query, 'limitBytes')),
  };
}

/** Only "All" exists; a server that let another value through would write what the client meant to try. */
function dryRunOf(values: readonly string[], kind: string): boolean {
  const wrong = values.find((value) => value !== 'All');
  if (wrong !== undefined) {
    const message = `Unsupported value: "${wrong}": supported values: "All"`;
    const cause = { reason: 'FieldValueNotSupported', message, field: 'dryRun' };
    throw invalid({ group: 'meta.k8s.io', kind }, '', [cause]);
  }
  return values.length > 0;
}

function fieldValidationOf(query: URLSearchParams): WriteOptions['fieldValidation'] {
  const value = query.get('fieldValidation');
  // Warn is the server's default (kubernetes.io/docs/reference/using-api/api-concepts, "Field validation").
  return value === 'Strict' || value === 'Ignore' ? value : 'Warn';
}

export function writeOptions(query: URLSearchParams, kind: string, caller: string): WriteOptions {
  return {
    caller,
    dryRun: dryRunOf(query.getAll('dryRun'), kind),
    fieldValidation: fieldValidationOf(query),
    fieldManager: given(query, 'fieldManager'),
  };
}

function numberOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  return Number(value);
}

/** A body counts alone: the query is not even read then (k8s.io/apiserver/pkg/endpoints/handlers/delete.go). */
export function deleteOptions(query: URLSearchParams, body: JsonValue | undefined, caller: string): WorldDeleteOptions {
  if (body !== undefined) return bodyOptions(body, caller);
  return {
    caller,
    propagationPolicy: given(query, 'propagationPolicy'),
    gracePeriodSeconds: numberOf(given(query, 'gracePeriodSeconds')),
    dryRun: dryRunOf(query.getAll('dryRun'), 'DeleteOptions'),
  };
}

function bodyOptions(body: JsonValue, caller: string): WorldDeleteOptions {
  if (!isJsonObject(body) || (text(body, 'kind') ?? 'DeleteOptions') !== 'DeleteOptions') {
    throw badRequest('decoded object cannot be converted to DeleteOptions');
  }
  return {
    caller,
    propagationPolicy: text(body, 'propagationPolicy'),
    gracePeriodSeconds: count(body, 'gracePeriodSeconds'),
    dryRun: dryRunOf(list(body, 'dryRun').map(String), 'DeleteOptions'),
    ...preconditionsOf(record(body, 'preconditions')),
  };
}

function preconditionsOf(preconditions: JsonObject): Pick<WorldDeleteOptions, 'preconditions'> {
  if (Object.keys(preconditions).length === 0) return {};
  const { uid, resourceVersion } = {
    uid: text(preconditions, 'uid'),
    resourceVersion: text(preconditions, 'resourceVersion'),
  };
  return { preconditions: { uid, resourceVersion } };
}
