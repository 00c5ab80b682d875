/**
 * Key Vault secrets for @azure/keyvault-secrets 4.12.0 over plain HTTP on this machine. Source of the shapes: Key
 * Vault REST reference (secrets); of the order of calls: the SDK, by running it.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import type { Answer, DoorRequest } from './door.ts';
import { openDoor } from './door.ts';
import { bundle, item } from './vaultJson.ts';
import { badParameter, VaultRefusal } from './vaultRefusal.ts';
import type { SecretAttributes, SecretProperties, SecretVersion, VaultSecrets } from './vaultSecrets.ts';
import type { VaultThrottle } from './vaultWorld.ts';
import { VaultWorld } from './vaultWorld.ts';

export interface KeyVaultOptions {
  readonly port?: number;
  /** True for a bearer token that may use the vault. */
  readonly accepts: (token: string) => boolean;
  readonly tenantId?: string;
  /** Entries of a page of versions or names. The service gives 25. */
  readonly pageSize?: number;
  /** Off when absent. */
  readonly throttle?: VaultThrottle;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
}

export interface KeyVaultStandIn {
  readonly url: string;
  readonly port: number;
  readonly world: VaultWorld;
  /** The same secrets by the back door, for tests and for seeding. */
  readonly secrets: VaultSecrets;
  readonly faults: Faults;
  readonly journal: Journal;
  close(): Promise<void>;
}

/** The audience of tokens for vaults in the public cloud. */
export const vaultResource = 'https://vault.azure.net';

export async function startKeyVault(options: KeyVaultOptions): Promise<KeyVaultStandIn> {
  const clock = options.clock ?? new SystemClock();
  const faults = options.faults ?? new Faults();
  const journal = new Journal();
  const { throttle } = options;
  const world = new VaultWorld({ now: () => clock.now(), ...(throttle !== undefined && { throttle }) });
  // Ids and page links are https, as from a real vault: the client follows no other, and whoever lets it speak plain
  // HTTP changes the scheme on the wire only.
  const handle = (request: DoorRequest): Answer =>
    challenge(request, options) ??
    answerOf(() =>
      route({ ...request, origin: request.origin.replace('http:', 'https:') }, world, options.pageSize ?? 25),
    );
  const door = await openDoor({ name: 'keyVault', port: options.port ?? 0, clock, faults, journal, handle });
  const url = `http://127.0.0.1:${door.port}`;
  return { url, port: door.port, world, secrets: world.secrets, faults, journal, close: () => door.close() };
}

/** The SDK's first call is anonymous and without a body; it learns tenant and resource from this answer. */
function challenge({ headers }: DoorRequest, { accepts, tenantId }: KeyVaultOptions): Answer | undefined {
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (token !== undefined && accepts(token)) return undefined;
  const tenant = tenantId ?? '00000000-0000-0000-0000-000000000000';
  return {
    ...refused(new VaultRefusal(401, 'Unauthorized', 'A bearer token for this vault is needed.')),
    headers: {
      'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="${vaultResource}"`,
    },
  };
}

function answerOf(verb: () => Answer): Answer {
  try {
    return verb();
  } catch (error) {
    if (error instanceof VaultRefusal) return refused(error);
    throw error;
  }
}

function route(request: DoorRequest, world: VaultWorld, pageSize: number): Answer {
  const { method, segments, query } = request;
  const [collection, name] = segments;
  if (query.get('api-version') === null) throw badParameter('api-version must be specified.');
  if (collection === 'deletedsecrets' && method === 'GET' && name !== undefined && segments.length === 2) {
    return { status: 200, body: deletedItem(request.origin, world.readDeleted(name)) };
  }
  if (collection !== 'secrets' || segments.length > 3) throw notModelled(request);
  if (name !== undefined) return named(request, world, { name, pageSize });
  if (method !== 'GET') throw notModelled(request);
  return page(request, world.list(), pageSize);
}

function named(
  request: DoorRequest,
  world: VaultWorld,
  { name, pageSize }: { readonly name: string; readonly pageSize: number },
): Answer {
  const { method, segments, origin } = request;
  const version = segments[2];
  if (method === 'GET' && version === 'versions') return page(request, world.versions(name), pageSize);
  if (method === 'GET') return { status: 200, body: bundle(origin, world.read(name, version)) };
  if (method === 'PUT' && version === undefined) return put(request, world, name);
  if (method === 'PATCH' && version !== undefined) {
    const updated = world.update(name, version, propertiesOf(objectIn(request)));
    return { status: 200, body: item(origin, updated, true) };
  }
  if (method !== 'DELETE' || version !== undefined) throw notModelled(request);
  return { status: 200, body: deletedItem(origin, world.remove(name)) };
}

const deletedItem = (origin: string, version: SecretVersion): JsonObject => ({
  ...item(origin, version, false),
  recoveryId: `${origin}/deletedsecrets/${version.name}`,
});

function put(request: DoorRequest, world: VaultWorld, name: string): Answer {
  const body = objectIn(request);
  const value = body['value'];
  if (typeof value !== 'string') throw badParameter('The body must be an object with a value.');
  return { status: 200, body: bundle(request.origin, world.set(name, value, propertiesOf(body))) };
}

/** Entries without values; the next page is a link with a skip token. */
function page(request: DoorRequest, all: readonly SecretVersion[], pageSize: number): Answer {
  const size = Math.min(Number(request.query.get('maxresults') ?? pageSize), pageSize);
  const from = Number(request.query.get('$skiptoken') ?? 0);
  const versions = request.segments[2] === 'versions';
  const value = all.slice(from, from + size).map((version) => item(request.origin, version, versions));
  const next = new URLSearchParams(request.query);
  next.set('$skiptoken', String(from + size));
  const nextLink =
    from + size < all.length ? `${request.origin}/${request.segments.join('/')}?${next.toString()}` : null;
  return { status: 200, body: { value, nextLink } };
}

function propertiesOf(body: JsonObject): SecretProperties {
  const { contentType, tags, attributes } = body;
  return {
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(isJsonObject(tags) ? { tags: tags as Readonly<Record<string, string>> } : {}),
    ...(isJsonObject(attributes) ? { attributes: { enabled: true, ...attributes } as SecretAttributes } : {}),
  };
}

function objectIn({ body }: DoorRequest): JsonObject {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (isJsonObject(parsed)) return parsed;
  } catch {
    throw badParameter('The body is not JSON.');
  }
  throw badParameter('The body must be an object.');
}

const notModelled = ({ method, segments }: DoorRequest): VaultRefusal =>
  new VaultRefusal(501, 'NotModelled', `${method} /${segments.join('/')} is not modelled by this stand-in.`);

function refused({ status, code, message, inner, retryAfterSeconds }: VaultRefusal): Answer {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  const headers = retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } };
  return { status, body: { error: { code, message, ...innererror } }, ...headers };
}
