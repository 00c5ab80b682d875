/**
 * From a request to the verb of the world that it means. Order as in a real server: who are you, may you, does it
 * exist, can I read what you sent. Nothing here knows sockets.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { isJsonObject } from '../../../../shared/domain/json.ts';
import { list } from '../object.ts';
import { asPartialMetadata } from '../partialMetadata.ts';
import type { KubernetesStatus } from '../statusError.ts';
import type { Answer, WatchEvent } from '../verbs.ts';
import type { KubernetesWorld } from '../world.ts';
import { chooseForm, type Form } from './accept.ts';
import { answeredReview, reviewedAttributes } from './accessReview.ts';
import { checkObjectType, parseObject, parsePatch, patchTypeOf } from './body.ts';
import { aggregatedDocument, aggregatedType, discoveryDocument } from './discovery.ts';
import { type Identity, isAuthenticated } from './identity.ts';
import { deleteOptions, listOptions, logOptions, watchOptions, writeOptions } from './options.ts';
import { forbiddenPath, forbiddenRequest, isAllowed } from './rbac.ts';
import { jsonReply, type Reply, textReply } from './reply.ts';
import {
  isOtherGroup,
  methodNotAllowed,
  notImplemented,
  type PathRequest,
  type ResourceRequest,
  unknownPath,
} from './requestInfo.ts';
import { asTable } from './table.ts';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly identity: Identity;
  /** Host and port of this server. */
  readonly address: string;
}

export interface Rules {
  readonly world: KubernetesWorld;
  /** Roles and bindings that are not in the world. */
  readonly rbac: readonly JsonObject[];
}

const openPaths = new Set(['/version', '/readyz', '/livez', '/healthz']);
const discoveryPath = /^\/apis?(\/|$)/;
/** A watch without timeoutSeconds ends after 30 to 60 minutes on a real server; here always after the lower. */
const defaultWatchMs = 30 * 60_000;

/** Roles and bindings deployed from files, and those that clients have made since. */
function rbacObjects({ world, rbac }: Rules): readonly JsonObject[] {
  const stored = (resource: 'roles' | 'rolebindings', kind: string): readonly JsonObject[] =>
    list(world.list(resource, undefined).body, 'items')
      .filter(isJsonObject)
      .map((object) => ({ ...object, kind }));
  return [...rbac, ...stored('roles', 'Role'), ...stored('rolebindings', 'RoleBinding')];
}

/** Throws a KubernetesStatus for everything that fails. */
export function answerPath(rules: Rules, exchange: Exchange, info: PathRequest): Reply {
  const { path, method, identity } = exchange;
  // system:public-info-viewer is everybody's, system:discovery and system:basic-user belong to who has a token.
  const open = openPaths.has(path) || (isAuthenticated(identity) && discoveryPath.test(path));
  if (!open && !isAllowed([], identity, { verb: info.verb, group: '', resource: '' })) {
    throw forbiddenPath(identity, info.verb, path);
  }
  if (path === '/readyz' || path === '/livez') return textReply('ok');
  if (path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') return review(rules, exchange);
  if (method !== 'GET') throw discoveryDocument(path, '') === undefined ? unknownPath() : methodNotAllowed();
  return discovery(exchange);
}

function discovery({ path, headers, address, method }: Exchange): Reply {
  const aggregated = aggregatedDocument(path);
  const forms: readonly Form[] = aggregated === undefined ? ['json'] : ['json', 'aggregatedDiscovery'];
  const form = chooseForm(headers.accept, forms, () => notImplemented(method, path));
  if (form === 'aggregatedDiscovery') return jsonReply(200, aggregated, { contentType: aggregatedType });
  const document = discoveryDocument(path, address);
  if (document !== undefined) return jsonReply(200, document);
  throw isOtherGroup(path) ? notImplemented(method, path) : unknownPath();
}

function review(rules: Rules, { method, path, body, identity, headers }: Exchange): Reply {
  if (method !== 'POST') throw methodNotAllowed();
  checkObjectType(headers['content-type'], () => notImplemented(method, `${path} with this content type`));
  const parsed = parseObject(body, { kind: 'SelfSubjectAccessReview' });
  const allowed = isAllowed(rbacObjects(rules), identity, reviewedAttributes(parsed));
  return jsonReply(201, answeredReview(parsed, allowed));
}

/** Throws a KubernetesStatus for everything that fails. */
export function answerResource(rules: Rules, exchange: Exchange, info: ResourceRequest): Reply {
  if (!isAllowed(rbacObjects(rules), exchange.identity, info)) throw forbiddenRequest(exchange.identity, info);
  if (info.subresource !== undefined) return subresource(rules.world, exchange, info);
  const forms: readonly Form[] = ['json', 'table', info.verb === 'list' ? 'partialList' : 'partial'];
  const form = chooseForm(exchange.headers.accept, forms, () =>
    notImplemented(exchange.method, `${exchange.path} as ${exchange.headers.accept ?? ''}`),
  );
  const render = (body: JsonObject): JsonObject => {
    if (form === 'json' || body['kind'] === 'Status') return body;
    if (form !== 'table') return asPartialMetadata(body);
    return asTable(info.type.kind, body, rules.world.clock.now(), exchange.query.get('includeObject'));
  };
  if (info.verb === 'watch') return watchReply(rules.world, exchange, info, render);
  const answer = perform(rules.world, exchange, info);
  return jsonReply(answer.status, render(answer.body), { warnings: answer.warnings });
}

/** Of the subresources only the log, and the one through which a drain ends pods, are modelled. */
function subresource(world: KubernetesWorld, exchange: Exchange, info: ResourceRequest): Reply {
  const { namespace, name } = info;
  const asked = `${exchange.method} ${info.resource}/${info.subresource}`;
  if (namespace === undefined || name === undefined) throw notImplemented(exchange.method, exchange.path);
  if (asked === 'GET pods/log') return textReply(world.readLog(namespace, name, logOptions(exchange.query)));
  if (asked !== 'POST pods/eviction') throw notImplemented(exchange.method, exchange.path);
  parseObject(exchange.body, { kind: 'Eviction' });
  const answer = world.evict(namespace, name, { caller: exchange.identity.user });
  return jsonReply(answer.status, answer.body, { warnings: answer.warnings });
}

function watchReply(
  world: KubernetesWorld,
  { query }: Exchange,
  info: ResourceRequest,
  render: (body: JsonObject) => JsonObject,
): Reply {
  const seconds = Number(query.get('timeoutSeconds') ?? '0');
  return {
    kind: 'watch',
    timeoutMs: seconds > 0 ? seconds * 1000 : defaultWatchMs,
    open: (listener) => world.watch(info.resource, info.namespace, watchOptions(query), listener),
    render: (event: WatchEvent) => ({ type: event.type, object: render(event.object) }),
  };
}

type Verb = (world: KubernetesWorld, exchange: Exchange, info: ResourceRequest & { readonly name: string }) => Answer;

const verbs: Readonly<Record<string, Verb>> = {
  list: (world, { query }, { resource, namespace }) => world.list(resource, namespace, listOptions(query)),
  get: (world, _, { resource, namespace, name }) => world.get(resource, namespace, name),
  create: (world, exchange, info) =>
    world.create(info.resource, info.namespace, objectOf(exchange, info), optionsOf(exchange, 'CreateOptions')),
  update: (world, exchange, info) =>
    world.replace(
      info.resource,
      info.namespace,
      info.name,
      objectOf(exchange, info),
      optionsOf(exchange, 'UpdateOptions'),
    ),
  patch: (world, exchange, info) => {
    const type = patchTypeOf(exchange.headers['content-type'], () => unmodelledBody(exchange));
    const patch = { type, body: parsePatch(exchange.body) };
    return world.patch(info.resource, info.namespace, info.name, patch, optionsOf(exchange, 'PatchOptions'));
  },
  delete: (world, exchange, info) => world.delete(info.resource, info.namespace, info.name, deletionOf(exchange)),
  deletecollection: (world, exchange, info) =>
    world.deleteCollection(info.resource, info.namespace, listOptions(exchange.query), deletionOf(exchange)),
};

function perform(world: KubernetesWorld, exchange: Exchange, info: ResourceRequest): Answer {
  const verb = Object.hasOwn(verbs, info.verb) ? verbs[info.verb] : undefined;
  if (verb === undefined) throw notImplemented(exchange.method, exchange.path);
  // Only reads cross namespaces: the server has no route for the rest.
  const everywhere = info.type.namespaced && info.namespace === undefined;
  if (everywhere && info.verb !== 'list') throw methodNotAllowed();
  if (info.resource === 'namespaces' && info.verb === 'deletecollection') throw methodNotAllowed();
  // The world knows a cluster-scoped object by its name alone.
  const namespace = info.type.namespaced ? info.namespace : undefined;
  return verb(world, exchange, { ...info, namespace, name: info.name ?? '' });
}

const unmodelledBody = ({ method, path, headers }: Exchange): KubernetesStatus =>
  notImplemented(method, `${path} with content type ${headers['content-type'] ?? ''}`);

function objectOf(exchange: Exchange, info: ResourceRequest): unknown {
  checkObjectType(exchange.headers['content-type'], () => unmodelledBody(exchange));
  return parseObject(exchange.body, info.type);
}

const optionsOf = ({ query, identity }: Exchange, kind: string): ReturnType<typeof writeOptions> =>
  writeOptions(query, kind, identity.user);

function deletionOf(exchange: Exchange): ReturnType<typeof deleteOptions> {
  const body = exchange.body === '' ? undefined : parseObject(exchange.body, { kind: 'DeleteOptions' });
  return deleteOptions(exchange.query, body, exchange.identity.user);
}
