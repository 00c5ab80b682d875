/**
 * Reads the objects of a kustomization, so that the stand-in evaluates the very RBAC rules that are deployed. Only
 * what our kustomizations use is understood; any other key is refused, because a patch that is silently left out
 * would make the local rules differ from the real ones.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { isJsonObject, type JsonObject } from '../../../../shared/domain/json.ts';
import { list, record, text } from '../object.ts';

const file = 'kustomization.yaml';
const understood = new Set(['apiVersion', 'kind', 'namespace', 'labels', 'resources', 'components']);
const clusterScoped = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding']);

/** All objects that the kustomization in this directory makes, with their namespaces. */
export function loadManifests(directory: string): readonly JsonObject[] {
  const kustomization: unknown = parse(readFileSync(join(directory, file), 'utf8'));
  if (!isJsonObject(kustomization)) throw new Error(`${directory}/${file} is not an object`);
  const foreign = Object.keys(kustomization).filter((key) => !understood.has(key));
  if (foreign.length > 0) throw new Error(`${directory}/${file}: ${foreign.join(', ')} is not understood here`);
  const sources = [...list(kustomization, 'resources'), ...list(kustomization, 'components')].map(String);
  const objects = sources.flatMap((source) => load(join(directory, source)));
  const namespace = text(kustomization, 'namespace');
  const common = commonLabels(kustomization);
  return objects.map((object) => transformed(object, namespace, common));
}

function load(path: string): readonly JsonObject[] {
  if (statSync(path).isDirectory()) {
    if (!readdirSync(path).includes(file)) throw new Error(`${path} holds no ${file}`);
    return loadManifests(path);
  }
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${path} is no YAML`, { cause: error });
    const object: unknown = document.toJS();
    if (!isJsonObject(object)) throw new Error(`${path} holds a document that is no object`);
    return object;
  });
}

function commonLabels(kustomization: JsonObject): JsonObject {
  return Object.assign({}, ...list(kustomization, 'labels').map((entry) => record(entry, 'pairs'))) as JsonObject;
}

function transformed(object: JsonObject, namespace: string | undefined, common: JsonObject): JsonObject {
  const metadata = record(object, 'metadata');
  const labels = { ...record(metadata, 'labels'), ...common };
  const named = namespace !== undefined && text(object, 'kind') === 'Namespace' ? { name: namespace } : {};
  const placed = namespace === undefined || clusterScoped.has(text(object, 'kind') ?? '') ? {} : { namespace };
  return { ...object, metadata: { ...metadata, ...named, ...placed, labels } };
}
