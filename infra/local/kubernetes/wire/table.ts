/**
 * Lists and objects as the tables that `kubectl get` asks for. Columns of Jobs and Pods as recorded from
 * kube-apiserver v1.36.2; those of Events, Secrets, ConfigMaps and Namespaces follow
 * kubernetes/pkg/printers/internalversion; everything else shows name and age, as a custom resource would.
 */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/domain/json.ts';
import { at, list, nameOf, record, text } from '../object.ts';
import { age, since } from './duration.ts';
import { type Column, jobCells, jobColumns, podCells, podColumns } from './workloadCells.ts';

interface Printer {
  readonly columns: readonly Column[];
  readonly cells: (object: JsonObject, now: EpochMs) => readonly JsonValue[];
}

const generic: Printer = {
  columns: [{ name: 'Name' }, { name: 'Age' }],
  cells: (object, now) => [nameOf(object), age(object, now)],
};

const entryCount = (object: JsonObject): number => Object.keys(record(object, 'data')).length;

const eventPrinter: Printer = {
  columns: [{ name: 'Last Seen' }, { name: 'Type' }, { name: 'Reason' }, { name: 'Object' }, { name: 'Message' }],
  cells: (event, now) => [
    since(text(event, 'lastTimestamp') ?? text(event, 'metadata', 'creationTimestamp'), now),
    text(event, 'type') ?? '',
    text(event, 'reason') ?? '',
    `${(text(event, 'involvedObject', 'kind') ?? '').toLowerCase()}/${text(event, 'involvedObject', 'name') ?? ''}`,
    (text(event, 'message') ?? '').trim(),
  ],
};

const printers: Readonly<Record<string, Printer>> = {
  Job: { columns: jobColumns, cells: jobCells },
  Pod: { columns: podColumns, cells: podCells },
  Event: eventPrinter,
  Secret: {
    columns: [{ name: 'Name' }, { name: 'Type' }, { name: 'Data', type: 'integer' }, { name: 'Age' }],
    cells: (secret, now) => [nameOf(secret), text(secret, 'type') ?? '', entryCount(secret), age(secret, now)],
  },
  ConfigMap: {
    columns: [{ name: 'Name' }, { name: 'Data', type: 'integer' }, { name: 'Age' }],
    cells: (map, now) => [nameOf(map), entryCount(map), age(map, now)],
  },
  Namespace: {
    columns: [{ name: 'Name' }, { name: 'Status' }, { name: 'Age' }],
    cells: (namespace, now) => [nameOf(namespace), text(namespace, 'status', 'phase') ?? '', age(namespace, now)],
  },
};

const definition = (column: Column): JsonObject => ({
  name: column.name,
  type: column.type ?? 'string',
  format: column.name === 'Name' ? 'name' : '',
  description: '',
  priority: column.priority ?? 0,
});

/** What of the object a row carries: its metadata, unless `includeObject` asks for all or nothing. */
function rowObject(object: JsonObject, include: string): JsonObject {
  if (include === 'None') return {};
  if (include === 'Object') return { object };
  const metadata = record(object, 'metadata');
  return { object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } };
}

/** `kind` is that of one object; `body` an object of it or its list. */
export function asTable(kind: string, body: JsonObject, now: EpochMs, includeObject: string | null): JsonObject {
  const printer = printers[kind] ?? generic;
  const items = at(body, 'items') === undefined ? [body] : list(body, 'items').filter(isJsonObject);
  const { resourceVersion, continue: next, remainingItemCount } = record(body, 'metadata');
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      resourceVersion: resourceVersion ?? '',
      ...(next === undefined ? {} : { continue: next }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    columnDefinitions: printer.columns.map(definition),
    rows: items.map((item) => ({
      cells: printer.cells(item, now),
      ...rowObject(item, includeObject ?? 'Metadata'),
    })),
  };
}
