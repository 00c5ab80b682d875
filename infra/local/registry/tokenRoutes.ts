/**
 * The token services. Sources: distribution, "Token Authentication Specification" (GET); Azure/acr, docs/AAD-OAuth.md
 * (POST /oauth2/exchange, POST /oauth2/token, and GET with user and password).
 */
import type { RegistryAccess } from './access.ts';
import { answerJson, failure, type RegistryApp, type RegistryContext } from './door.ts';

const denied = (): Response => failure(401, 'UNAUTHORIZED', 'authentication required');

function plainToken(c: RegistryContext, access: RegistryAccess): Response {
  const authorization = c.req.header('authorization');
  const account = access.accountOf(authorization);
  if (authorization !== undefined && account === undefined) return denied();
  const token = access.grant(c.req.queries('scope') ?? [], account);
  const lifetime = access.tellsLifetime ? { expires_in: access.lifetimeSeconds } : {};
  return answerJson(200, access.kind === 'acr' ? { access_token: token } : { token, ...lifetime });
}

/** The form, if it is meant for this registry. */
async function formOf(c: RegistryContext): Promise<URLSearchParams | undefined> {
  const isForm = (c.req.header('content-type') ?? '').startsWith('application/x-www-form-urlencoded');
  const form = new URLSearchParams(isForm ? await c.req.text() : '');
  return form.get('service') === new URL(c.req.url).host ? form : undefined;
}

async function exchange(c: RegistryContext, access: RegistryAccess): Promise<Response> {
  const form = await formOf(c);
  if (form?.get('grant_type') !== 'access_token') return failure(400, 'BAD_REQUEST', 'grant_type or service is wrong');
  const token = access.exchange(form.get('access_token') ?? '');
  return token === undefined ? denied() : answerJson(200, { refresh_token: token });
}

async function refresh(c: RegistryContext, access: RegistryAccess): Promise<Response> {
  const form = await formOf(c);
  if (form?.get('grant_type') !== 'refresh_token') return failure(400, 'BAD_REQUEST', 'grant_type or service is wrong');
  if (!access.isRefreshToken(form.get('refresh_token') ?? '')) return denied();
  return answerJson(200, { access_token: access.grant(form.getAll('scope'), 'entra') });
}

export function tokenRoutes(app: RegistryApp, access: RegistryAccess): void {
  if (access.kind === 'token') app.get('/token', (c) => plainToken(c, access));
  if (access.kind !== 'acr') return;
  app.get('/oauth2/token', (c) => plainToken(c, access));
  app.post('/oauth2/exchange', (c) => exchange(c, access));
  app.post('/oauth2/token', (c) => refresh(c, access));
}
