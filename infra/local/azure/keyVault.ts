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
import type { SecretAttributes, SecretProperties, SecretVersion } from './vaultSecrets.ts';
import { VaultSecrets } from './vaultSecrets.ts';

export interface KeyVaultOptions {
  readonly port?: number;
  /** True for a bearer token that may use the vault. */
  readonly accepts: (token: string) => boolean;
  readonly tenantId?: string;
  /** Entries of a page of versions or names. The service gives 25. */
  readonly pageSize?: number;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
}

export interface KeyVaultStandIn {
  readonly url: string;
  readonly port: number;
  /** The same secrets by the back door, for tests and for seeding. */
  readonly secrets: VaultSecrets;
  readonly faults: Faults;
  readonly journal: Journal;
  close(): Promise<void>;
}

/** The audience of tokens for vaults in the public cloud. */
export const vaultResource = 'https://vault.azure.net';
/** Source: Key Vault documentation, "Object identifiers"; limits of a secret: 25 KB, 15 tags. */
const nameRule = /^[0-9a-zA-Z-]{1,127}$/;
const maxValueBytes = 25_600;
const maxTags = 15;

export async function startKeyVault(options: KeyVaultOptions): Promise<KeyVaultStandIn> {
  const clock = options.clock ?? new SystemClock();
  const faults = options.faults ?? new Faults();
  const journal = new Journal();
  const secrets = new VaultSecrets(() => clock.now());
  // Ids and page links are https, as from a real vault: the client follows no other, and whoever lets it speak plain
  // HTTP changes the scheme on the wire only.
  const handle = (request: DoorRequest): Answer =>
    challenge(request, options) ??
    route({ ...request, origin: request.origin.replace('http:', 'https:') }, secrets, options.pageSize ?? 25);
  const door = await openDoor({ name: 'keyVault', port: options.port ?? 0, clock, faults, journal, handle });
  return { url: `http://127.0.0.1:${door.port}`, port: door.port, secrets, faults, journal, close: () => door.close() };
}

/** The SDK's first call is anonymous and without a body; it learns tenant and resource from this answer. */
function challenge({ headers }: DoorRequest, { accepts, tenantId }: KeyVaultOptions): Answer | undefined {
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (token !== undefined && accepts(token)) return undefined;
  const tenant = tenantId ?? '00000000-0000-0000-0000-000000000000';
  return {
    ...failure(401, 'Unauthorized', 'A bearer token for this vault is needed.'),
    headers: {
      'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="${vaultResource}"`,
    },
  };
}

function route(request: DoorRequest, secrets: VaultSecrets, pageSize: number): Answer {
  const { method, segments, query } = request;
  const [collection, name] = segments;
  if (query.get('api-version') === null) return failure(400, 'BadParameter', 'api-version must be specified.');
  if (collection !== 'secrets' || segments.length > 3) return notModelled(request);
  if (name !== undefined) return named(request, secrets, { name, pageSize });
  return method === 'GET' ? page(request, latestOf(secrets), pageSize) : notModelled(request);
}

function named(
  request: DoorRequest,
  secrets: VaultSecrets,
  { name, pageSize }: { readonly name: string; readonly pageSize: number },
): Answer {
  const { method, segments } = request;
  const rest = segments[2];
  if (!nameRule.test(name)) return failure(400, 'BadParameter', `The request URI contains an invalid name: ${name}`);
  if (method === 'PUT' && rest === undefined) return put(request, secrets, name);
  if (secrets.versions(name).length === 0) return missing(name);
  if (method === 'GET' && rest === 'versions') return page(request, secrets.versions(name), pageSize);
  return one(request, secrets, { name, version: rest });
}

function one(
  request: DoorRequest,
  secrets: VaultSecrets,
  key: { readonly name: string; readonly version: string | undefined },
): Answer {
  const { name, version } = key;
  if (request.method === 'DELETE' && version === undefined) return deleted(request, secrets, name);
  if (request.method === 'PATCH' && version !== undefined) return patch(request, secrets, { name, version });
  if (request.method !== 'GET') return notModelled(request);
  const found =
    version === undefined
      ? secrets.latest(name)
      : secrets.versions(name).find((candidate) => candidate.version === version);
  if (found === undefined) return missing(name);
  // Expiry and not-before are for information; only a disabled version is withheld.
  if (!found.attributes.enabled) return failure(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.');
  return { status: 200, body: bundle(request.origin, found) };
}

function put(request: DoorRequest, secrets: VaultSecrets, name: string): Answer {
  const body = jsonOf(request);
  const value = body?.['value'];
  if (body === undefined || typeof value !== 'string')
    return failure(400, 'BadParameter', 'The body must be an object with a value.');
  if (Buffer.byteLength(value) > maxValueBytes) return failure(400, 'BadParameter', 'The value is longer than 25 KB.');
  const properties = propertiesOf(body);
  if (Object.keys(properties.tags ?? {}).length > maxTags) return failure(400, 'BadParameter', 'More than 15 tags.');
  if (secrets.isDeleted(name))
    return failure(409, 'Conflict', `Secret ${name} is currently in a deleted but recoverable state.`);
  return { status: 200, body: bundle(request.origin, secrets.set(name, value, properties)) };
}

function patch(
  request: DoorRequest,
  secrets: VaultSecrets,
  key: { readonly name: string; readonly version: string },
): Answer {
  const body = jsonOf(request);
  if (body === undefined) return failure(400, 'BadParameter', 'The body must be an object.');
  const updated = secrets.update(key.name, key.version, propertiesOf(body));
  return updated === undefined ? missing(key.name) : { status: 200, body: item(request.origin, updated, true) };
}

function deleted(request: DoorRequest, secrets: VaultSecrets, name: string): Answer {
  const removed = secrets.remove(name);
  if (removed === undefined) return missing(name);
  const recoveryId = `${request.origin}/deletedsecrets/${name}`;
  return { status: 200, body: { ...item(request.origin, removed, false), recoveryId } };
}

function latestOf(secrets: VaultSecrets): readonly SecretVersion[] {
  return secrets.names().flatMap((name) => secrets.latest(name) ?? []);
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

function jsonOf({ body }: DoorRequest): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const missing = (name: string): Answer =>
  failure(404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`);

const notModelled = ({ method, segments }: DoorRequest): Answer =>
  failure(501, 'NotModelled', `${method} /${segments.join('/')} is not modelled by this stand-in.`);

function failure(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}
