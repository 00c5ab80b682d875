/**
 * The PAT Lifecycle API. The service has it at a host of its own, vssps.dev.azure.com; here it is at the address of the
 * organisation. Only the delegated Entra token of a user may call it.
 */
import { isPersonalTokenError } from '../../../../shared/domain/personalTokenErrors.ts';
import type { DisplayFilter, PersonalTokenRecord } from '../personalTokenWorld.ts';
import { isTrue, objectBody, stringMember } from './body.ts';
import { answer, badArgument, notModelled, WireRefusal } from './refusal.ts';
import type { UserIdentity } from './tokens.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import type { Json } from './wireJson.ts';

const path = '/_apis/tokens/pats';
const filters: readonly DisplayFilter[] = ['active', 'revoked', 'expired', 'all'];
const maxTop = 100;

/**
 * A PAT is answered 401 (learn.microsoft.com, answers 2242239). What an app's own token is answered is not published;
 * the documentation says that neither a service principal nor a managed identity can do this.
 */
function requireDelegated(c: WireContext, wire: Wire): UserIdentity {
  const entry = wire.tokens.entryOf(c.req.header('authorization'), wire.clock.now());
  if (entry?.kind === 'entra' && entry.delegated === true && entry.identity.kind === 'user') return entry.identity;
  throw new WireRefusal(401, 'UnauthorizedRequestException', 'TF400813: Only a user may manage its tokens.');
}

/** `token` is filled by creation only. */
function tokenJson(record: PersonalTokenRecord, token: string | null): Json {
  return {
    displayName: record.displayName,
    validTo: new Date(record.validTo).toISOString(),
    scope: record.scope,
    targetAccounts: ['38aaa865-2c70-4bf7-a308-0c6539c38c1a'],
    validFrom: new Date(record.validFrom).toISOString(),
    authorizationId: record.authorizationId,
    token,
  };
}

function listed(c: WireContext, wire: Wire, user: UserIdentity): Json {
  const filter = filters.find((known) => known === (c.req.query('displayFilterOption') ?? 'active').toLowerCase());
  if (filter === undefined) throw badArgument('The displayFilterOption is not known.');
  if (c.req.query('sortByOption') !== undefined) throw notModelled('an order of tokens');
  const top = Number(c.req.query('$top') ?? maxTop);
  if (!(top >= 1 && top <= maxTop)) throw badArgument(`$top must be between 1 and ${maxTop}.`);
  const all = wire.personalTokens.list(user, filter);
  const from = Number(c.req.query('continuationToken') ?? 0);
  const rest = from + top < all.length;
  return {
    continuationToken: rest ? String(from + top) : null,
    patTokens: all.slice(from, from + top).map((record) => tokenJson(record, null)),
  };
}

async function created(c: WireContext, wire: Wire, user: UserIdentity): Promise<Json> {
  const body = await objectBody(c);
  const outcome = wire.personalTokens.create(user, {
    displayName: stringMember(body, 'displayName') ?? '',
    scope: stringMember(body, 'scope') ?? '',
    validTo: Date.parse(stringMember(body, 'validTo') ?? ''),
    allOrgs: body['allOrgs'] === true || isTrue(stringMember(body, 'allOrgs')),
  });
  if (outcome.kind === 'refused') return refusedJson(outcome.error);
  const { record } = outcome;
  return { patToken: tokenJson(record, record.token), patTokenError: 'none', patTokenErrorMessage: null };
}

const refusedJson = (patTokenError: string): Json => ({
  patToken: null,
  patTokenError,
  patTokenErrorMessage: isPersonalTokenError(patTokenError) ? `The request was refused: ${patTokenError}.` : null,
});

export function patRoutes(app: WireApp, wire: Wire): void {
  app.get(path, (c) => {
    const user = requireDelegated(c, wire);
    const authorizationId = c.req.query('authorizationId');
    if (authorizationId === undefined) return c.json(listed(c, wire, user));
    const all = wire.personalTokens.list(user, 'all');
    const found = all.find((record) => record.authorizationId === authorizationId);
    if (found === undefined) return answer(404, refusedJson('authorizationNotFound'));
    return c.json({ patToken: tokenJson(found, null), patTokenError: 'none' });
  });

  app.post(path, async (c) => {
    const user = requireDelegated(c, wire);
    // The schema allows an error beside status 200, and a client that trusts the status would store nothing.
    return c.json(await created(c, wire, user));
  });

  app.delete(path, (c) => {
    const user = requireDelegated(c, wire);
    const authorizationId = c.req.query('authorizationId') ?? '';
    if (!/^[0-9a-f-]{36}$/i.test(authorizationId)) return answer(400, refusedJson('invalidAuthorizationId'));
    if (wire.personalTokens.revoke(user, authorizationId)) return new Response(null, { status: 204 });
    return answer(404, refusedJson('authorizationNotFound'));
  });
}
