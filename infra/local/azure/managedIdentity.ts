/**
 * The managed identity endpoint of App Service and Functions: IDENTITY_ENDPOINT with IDENTITY_HEADER. Source: App
 * Service documentation, "Use managed identities", REST endpoint reference, api-version 2019-08-01.
 */
import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import type { Answer, DoorRequest } from './door.ts';
import { openDoor } from './door.ts';

/** A token that was given out. */
export interface Grant {
  readonly token: string;
  readonly resource: string;
  /** Undefined = the system-assigned identity. */
  readonly clientId: string | undefined;
  readonly expiresAt: EpochMs;
}

export interface ManagedIdentityOptions {
  readonly port?: number;
  /** Client ids of the user-assigned identities; left out = any is known. */
  readonly clientIds?: readonly string[];
  readonly hasSystemIdentity?: boolean;
  /** IDENTITY_HEADER; left out = random. */
  readonly header?: string;
  readonly tokenLifetimeMs?: number;
  /** Makes the token; left out = random. */
  readonly mint?: (grant: Omit<Grant, 'token'>) => string;
  /** Answers what is no concern of the identity, so that another stand-in can be at the same address. */
  readonly others?: (request: DoorRequest) => Answer;
  /** Told each token, so that other stand-ins accept it. */
  readonly onGrant?: (grant: Grant) => void;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
}

export interface ManagedIdentityStandIn {
  readonly port: number;
  /** IDENTITY_ENDPOINT and IDENTITY_HEADER for the app's settings. */
  readonly settings: Readonly<Record<'IDENTITY_ENDPOINT' | 'IDENTITY_HEADER', string>>;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly grants: readonly Grant[];
  /** The grant behind an unexpired token for this resource. */
  accepts(token: string, resource: string): Grant | undefined;
  close(): Promise<void>;
}

const apiVersion = '2019-08-01';
const dayMs = 24 * 3_600_000;

export async function startManagedIdentity(options: ManagedIdentityOptions = {}): Promise<ManagedIdentityStandIn> {
  const clock = options.clock ?? new SystemClock();
  const faults = options.faults ?? new Faults();
  const journal = new Journal();
  const grants: Grant[] = [];
  const header = options.header ?? randomBytes(16).toString('hex');
  const handle = (request: DoorRequest): Answer => {
    if (options.others !== undefined && request.segments[0] !== 'msi') return options.others(request);
    const refusal = refuse(request, header, options);
    if (refusal !== undefined) return refusal;
    const grant = grantFor(request, options, clock.now());
    grants.push(grant);
    options.onGrant?.(grant);
    const expiresOn = String(Math.trunc(grant.expiresAt / 1000));
    const body = { access_token: grant.token, expires_on: expiresOn, resource: grant.resource, token_type: 'Bearer' };
    return { status: 200, body: grant.clientId === undefined ? body : { ...body, client_id: grant.clientId } };
  };
  const door = await openDoor({ name: 'managedIdentity', port: options.port ?? 0, clock, faults, journal, handle });
  return {
    port: door.port,
    settings: { IDENTITY_ENDPOINT: `http://127.0.0.1:${door.port}/msi/token`, IDENTITY_HEADER: header },
    faults,
    journal,
    grants,
    accepts: (token, resource) =>
      grants.find(
        (grant) => grant.token === token && grant.resource === plain(resource) && grant.expiresAt > clock.now(),
      ),
    close: () => door.close(),
  };
}

function grantFor({ query }: DoorRequest, options: ManagedIdentityOptions, now: EpochMs): Grant {
  const fields = {
    resource: plain(query.get('resource') ?? ''),
    clientId: query.get('client_id') ?? undefined,
    expiresAt: now + (options.tokenLifetimeMs ?? dayMs),
  };
  return { ...fields, token: options.mint?.(fields) ?? randomBytes(24).toString('base64url') };
}

/** The header keeps other processes of the machine out: without it nothing is said. */
function refuse(request: DoorRequest, header: string, options: ManagedIdentityOptions): Answer | undefined {
  const { method, segments, query, headers } = request;
  const path = `${method} /${segments.join('/')}`;
  if (path !== 'GET /msi/token') return failure(501, `${path} is not modelled by this stand-in.`);
  if (headers['x-identity-header'] !== header) return failure(401, 'X-IDENTITY-HEADER is missing or wrong.');
  if (query.get('api-version') !== apiVersion) return failure(400, `Only api-version ${apiVersion} is served.`);
  if (!query.get('resource')) return failure(400, 'A resource must be named.');
  return refuseIdentity(query.get('client_id') ?? undefined, options);
}

function refuseIdentity(
  clientId: string | undefined,
  { clientIds, hasSystemIdentity }: ManagedIdentityOptions,
): Answer | undefined {
  const known =
    clientId === undefined ? hasSystemIdentity !== false : clientIds === undefined || clientIds.includes(clientId);
  return known ? undefined : failure(400, 'No managed identity was found for the given client id.');
}

const failure = (statusCode: number, message: string): Answer => ({
  status: statusCode,
  body: { statusCode, message },
});

const plain = (resource: string): string => resource.replace(/\/\.default$/, '').replace(/\/$/, '');
