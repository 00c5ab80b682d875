/** The Secret volumes of a pod, as files. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { at, list, namespaceOf, record, scalar, text } from './object.ts';
import type { Store } from './store.ts';

export type Files = Readonly<Record<string, string>>;

export type Mounted =
  | { readonly files: ReadonlyMap<string, Files> }
  | { readonly missing: { readonly volume: string; readonly secret: string } };

interface SecretSource {
  readonly volume: string;
  readonly secret: string;
  readonly optional: boolean;
  readonly items: readonly JsonValue[];
}

function sourcesOf(volume: JsonValue): readonly SecretSource[] {
  const name = text(volume, 'name') ?? '';
  const direct = at(volume, 'secret');
  const projected = list(volume, 'projected', 'sources').map((source) => at(source, 'secret'));
  return [direct, ...projected].flatMap((source) => {
    const secret = text(source, 'secretName') ?? text(source, 'name');
    if (secret === undefined) return [];
    return [{ volume: name, secret, optional: at(source, 'optional') === true, items: list(source, 'items') }];
  });
}

/** Without `items` every key is a file, with them only the named ones, under their paths. */
function filesOf(secret: JsonObject, items: readonly JsonValue[]): Files {
  const data = record(secret, 'data');
  const decoded = (key: string): string => Buffer.from(scalar(data[key]), 'base64').toString('utf8');
  const pairs =
    items.length === 0
      ? Object.keys(data).map((key) => [key, decoded(key)])
      : items.map((item) => [text(item, 'path') ?? '', decoded(text(item, 'key') ?? '')]);
  return Object.fromEntries(pairs);
}

/** The files as they are now: what is mounted does not change when an immutable Secret is deleted later. */
export function mountSecrets(store: Store, pod: JsonObject): Mounted {
  const files = new Map<string, Files>();
  for (const source of list(pod, 'spec', 'volumes').flatMap(sourcesOf)) {
    const secret = store.find('secrets', namespaceOf(pod), source.secret);
    if (secret === undefined && !source.optional) return { missing: { volume: source.volume, secret: source.secret } };
    const found = secret === undefined ? {} : filesOf(secret, source.items);
    files.set(source.volume, { ...files.get(source.volume), ...found });
  }
  return { files };
}
