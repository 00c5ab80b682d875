/** Replays recorded requests on a world: what a server makes up (uids, versions, times, suffixes) is mapped or masked. */
import { readFileSync } from 'node:fs';
import { nameOf } from '../../../../infra/local/kubernetes/object.ts';
import { isResourceName, type ResourceName } from '../../../../infra/local/kubernetes/resource.ts';
import { KubernetesStatus } from '../../../../infra/local/kubernetes/statusError.ts';
import type { Answer, PatchType } from '../../../../infra/local/kubernetes/verbs.ts';
import type { KubernetesWorld } from '../../../../infra/local/kubernetes/world.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/domain/json.ts';

export interface Recorded {
  readonly title: string;
  readonly request: {
    readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: JsonValue;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: JsonValue;
  };
}

export function recordings(): readonly Recorded[] {
  const file = new URL('../../../fixtures/kubernetes-api.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Recorded[];
}

export interface Replayed {
  readonly status: number;
  readonly body: JsonObject;
  readonly warnings: readonly string[];
}

const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const suffix = /(?<=[a-z0-9.])([-.])[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9-])/g;

const masks: readonly (readonly [RegExp, string])[] = [
  [uid, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>'],
  [/"resourceVersion":"\d+"/g, '"resourceVersion":"<version>"'],
  [/"continue":"[^"]+"/g, '"continue":"<token>"'],
  [/\(\d+\)/g, '(<version>)'],
  [/in record \(.*?\)/g, 'in record (<version>)'],
  [/\.[0-9a-f]{16}"/g, '.<instant>"'],
  [suffix, '$1<suffix>'],
];

/** The value with all that differs between two servers made alike. */
export function masked(value: JsonValue): unknown {
  return JSON.parse(masks.reduce((text, [pattern, mask]) => text.replaceAll(pattern, mask), JSON.stringify(value)));
}

interface Target {
  readonly resource: ResourceName;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
}

function targetOf(path: string): Target {
  const url = new URL(path, 'http://server');
  const rest = url.pathname.replace(/^\/(api|apis\/[^/]+)\/v1\//, '').split('/');
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [resource = '', name = '', subresource = ''] = namespaced ? rest.slice(2) : rest;
  if (!isResourceName(resource)) throw new Error(`no such resource: ${path}`);
  return { resource, namespace: namespaced ? rest[1] : undefined, name, subresource, query: url.searchParams };
}

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};

export class Replay {
  readonly #world: KubernetesWorld;
  /** From recorded uids, versions, tokens and pod names to ours. */
  readonly #ours = new Map<string, string>();

  constructor(world: KubernetesWorld) {
    this.#world = world;
  }

  send({ request, response }: Recorded): Replayed {
    const target = targetOf(this.#translated(request.path));
    const body = JSON.parse(this.#translated(JSON.stringify(request.body))) as JsonValue;
    try {
      const answer = this.#ask(request, target, body);
      this.#learn(response.body, answer.body);
      return answer;
    } catch (error) {
      if (!(error instanceof KubernetesStatus)) throw error;
      return { status: error.code, body: error.body, warnings: [] };
    }
  }

  #ask({ method, headers }: Recorded['request'], target: Target, body: JsonValue): Answer {
    const { resource, namespace, name } = target;
    if (method === 'DELETE') return this.#delete(target, body);
    if (method === 'POST') return this.#post(target, body);
    if (method === 'PUT') return this.#world.replace(resource, namespace, name, body);
    if (method === 'GET') {
      return name === '' ? this.#list(target) : this.#world.get(resource, namespace, this.#podName(target));
    }
    const type = patchTypes[headers['content-type'] ?? ''];
    if (type === undefined) throw new Error(`no such patch: ${headers['content-type']}`);
    return this.#world.patch(resource, namespace, name, { type, body });
  }

  #post(target: Target, body: JsonValue): Answer {
    const { resource, namespace, subresource, query } = target;
    if (subresource === 'eviction') return this.#world.evict(namespace ?? '', this.#podName(target));
    return this.#world.create(resource, namespace, body, {
      dryRun: query.get('dryRun') === 'All',
      ...(query.get('fieldValidation') === 'Strict' ? { fieldValidation: 'Strict' } : {}),
    });
  }

  #list({ resource, namespace, query }: Target): Answer {
    const given = (key: string): string | undefined => query.get(key) ?? undefined;
    return this.#world.list(resource, namespace, {
      labelSelector: given('labelSelector'),
      fieldSelector: given('fieldSelector'),
      limit: query.has('limit') ? Number(query.get('limit')) : undefined,
      continue: given('continue'),
      resourceVersion: given('resourceVersion'),
      resourceVersionMatch: given('resourceVersionMatch'),
    });
  }

  #delete({ resource, namespace, name, query }: Target, body: JsonValue): Answer {
    const given = isJsonObject(body) ? body : {};
    const policy = query.get('propagationPolicy') ?? given['propagationPolicy'];
    const options = {
      ...(typeof policy === 'string' ? { propagationPolicy: policy } : {}),
      ...(isJsonObject(given['preconditions']) ? { preconditions: given['preconditions'] as { uid?: string } } : {}),
    };
    if (name !== '') return this.#world.delete(resource, namespace, name, options);
    return this.#world.deleteCollection(
      resource,
      namespace,
      { labelSelector: query.get('labelSelector') ?? '' },
      options,
    );
  }

  /** A pod of a Job bears another suffix here. */
  #podName({ resource, namespace, name }: Target): string {
    if (resource !== 'pods') return name;
    const job = name.replace(/-[a-z0-9]{5}$/, '');
    return nameOf(this.#world.podsOf(namespace ?? '', job).at(-1) ?? {});
  }

  #translated(text: string): string {
    let translated = text.replace(/<(\d+) characters>/, (_, length) => 'x'.repeat(Number(length)));
    for (const [theirs, ours] of this.#ours) translated = translated.replaceAll(theirs, ours);
    return translated;
  }

  #learn(theirs: JsonValue | undefined, ours: JsonValue | undefined): void {
    if (!isJsonObject(theirs) || !isJsonObject(ours)) return;
    for (const key of ['uid', 'resourceVersion', 'continue']) {
      const [from, to] = [theirs[key], ours[key]];
      // "1" and the like mean the same on every server.
      if (typeof from === 'string' && typeof to === 'string' && from.length > 3) this.#ours.set(from, to);
    }
    this.#learn(theirs['metadata'], ours['metadata']);
  }
}
