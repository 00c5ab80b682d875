/**
 * The endpoints of Entra with which a person signs in to a public client: authorize with PKCE, device code and token.
 * Spoken in plain HTTP on this machine.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import type { Answer, DoorRequest } from './door.ts';
import { openDoor } from './door.ts';
import { EntraRefusal } from './entraRefusal.ts';
import type { EntraGrant, EntraUser, EntraWorld } from './entraWorld.ts';

export interface EntraRoutes {
  readonly world: EntraWorld;
  /** Whose browser opens the pages; undefined = nobody is signed in there, and the sign-in is cancelled. */
  readonly browserUser: () => EntraUser | undefined;
}

export interface EntraOptions extends EntraRoutes {
  readonly port?: number;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
}

export interface EntraStandIn {
  /** The authority: `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly faults: Faults;
  readonly journal: Journal;
  close(): Promise<void>;
}

export async function startEntra(options: EntraOptions): Promise<EntraStandIn> {
  const { clock = new SystemClock(), faults = new Faults() } = options;
  const journal = new Journal();
  const handle = (request: DoorRequest): Answer => entraAnswer(options, request);
  const door = await openDoor({ name: 'entra', port: options.port ?? 0, clock, faults, journal, handle });
  return { url: `http://127.0.0.1:${door.port}`, faults, journal, close: () => door.close() };
}

/** The answer to a request at this host; another stand-in may serve it at its own port. */
export function entraAnswer(routes: EntraRoutes, request: DoorRequest): Answer {
  try {
    return route(routes, request);
  } catch (error) {
    if (error instanceof EntraRefusal) return refused(error);
    throw error;
  }
}

function route(routes: EntraRoutes, request: DoorRequest): Answer {
  const { method, segments } = request;
  const [tenant, ...rest] = segments;
  const path = `${method} ${rest.join('/')}`;
  if (method === 'GET' && tenant === 'devicelogin') return deviceLogin(routes, request);
  const answers: Readonly<Record<string, (routes: EntraRoutes, request: DoorRequest) => Answer>> = {
    'GET oauth2/v2.0/authorize': authorize,
    'POST oauth2/v2.0/devicecode': deviceCode,
    'POST oauth2/v2.0/token': tokens,
  };
  const answer = answers[path];
  if (answer === undefined) return notModelled(request);
  if (tenant !== routes.world.tenantId) {
    throw new EntraRefusal('invalid_request', 90002, `Tenant '${tenant}' was not found.`);
  }
  return answer(routes, request);
}

/** For a public client any port of localhost is allowed where http://localhost is registered. */
const redirectRule = /^http:\/\/localhost(:\d+)?(\/.*)?$/;

function authorize({ world, browserUser }: EntraRoutes, { query }: DoorRequest): Answer {
  world.requireClient(query.get('client_id'));
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!redirectRule.test(redirectUri)) throw new EntraRefusal('invalid_request', 50011, 'The redirect is not allowed.');
  const back = (fields: Readonly<Record<string, string>>): Answer => {
    const url = new URL(redirectUri);
    for (const [name, value] of Object.entries({ ...fields, state: query.get('state') ?? '' })) {
      url.searchParams.set(name, value);
    }
    return { status: 302, headers: { location: url.href } };
  };
  const challenge = query.get('code_challenge');
  // A public client without PKCE is served, too, by the real one; nobody here does so.
  if (query.get('response_type') !== 'code' || query.get('code_challenge_method') !== 'S256' || challenge === null) {
    return back({ error: 'invalid_request', error_description: 'Only codes with a S256 challenge are modelled.' });
  }
  const user = browserUser();
  if (user === undefined) return back({ error: 'access_denied', error_description: 'AADSTS65004: Cancelled.' });
  return back({ code: world.authorize(user, { scope: query.get('scope') ?? '', redirectUri, challenge }) });
}

function deviceCode({ world }: EntraRoutes, request: DoorRequest): Answer {
  const form = formOf(request);
  world.requireClient(form.get('client_id'));
  const { deviceCode: device_code, userCode, expiresInMs } = world.beginDevice(form.get('scope') ?? '');
  const verification_uri = `${request.origin}/devicelogin`;
  const message = `To sign in, open ${verification_uri}?code=${userCode} in a browser.`;
  const times = { expires_in: expiresInMs / 1000, interval: world.deviceIntervalMs / 1000 };
  return { status: 200, body: { device_code, user_code: userCode, verification_uri, ...times, message } };
}

/** The page where a person enters the code, without the page: opening it signs the browser's user in. */
function deviceLogin({ world, browserUser }: EntraRoutes, { query }: DoorRequest): Answer {
  const found = world.answerDevice(query.get('code') ?? '', browserUser() ?? 'declined');
  return { status: found ? 200 : 404, body: { message: found ? 'You may close this page.' : 'No such code.' } };
}

function tokens({ world }: EntraRoutes, request: DoorRequest): Answer {
  const form = formOf(request);
  const field = (name: string): string => form.get(name) ?? '';
  world.requireClient(form.get('client_id'));
  switch (field('grant_type')) {
    case 'authorization_code':
      return granted(world, world.redeemCode(field('code'), field('redirect_uri'), field('code_verifier')));
    case 'urn:ietf:params:oauth:grant-type:device_code':
      return granted(world, world.redeemDevice(field('device_code')));
    case 'refresh_token':
      return granted(world, world.redeemRefresh(field('refresh_token'), field('scope')));
    default:
      // Client credentials and on-behalf-of give no token of a user, and nothing here asks for them.
      throw new EntraRefusal('unsupported_grant_type', 70003, 'The grant type is not modelled.');
  }
}

function granted({ tenantId }: EntraWorld, grant: EntraGrant): Answer {
  const { scope, user, refreshToken } = grant;
  const claims = { tid: tenantId, preferred_username: user.name };
  const parts = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const body: JsonObject = {
    token_type: 'Bearer',
    scope,
    expires_in: 4500,
    ext_expires_in: 4500,
    access_token: grant.accessToken,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(scope.split(' ').includes('openid') ? { id_token: [...parts, ''].join('.') } : {}),
  };
  return { status: 200, body };
}

const formOf = ({ body }: DoorRequest): URLSearchParams => new URLSearchParams(body.toString('utf8'));

function refused({ error, code, message }: EntraRefusal): Answer {
  const description = code === undefined ? message : `AADSTS${code}: ${message} Trace ID: 0 Correlation ID: 0`;
  const codes = code === undefined ? {} : { error_codes: [code] };
  return { status: 400, body: { error, error_description: description, ...codes } };
}

const notModelled = ({ method, segments }: DoorRequest): Answer => ({
  status: 501,
  body: { error: 'not_modelled', error_description: `${method} /${segments.join('/')} is not modelled.` },
});
