/**
 * The PersonalTokens port over the PAT Lifecycle API, which takes only the delegated token of a user. A token is made
 * once and never extended: an extended one keeps its value.
 */
import { z } from 'zod';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { isPersonalTokenError, personalTokenRefusal } from '../../domain/personalTokenErrors.ts';
import { Secret } from '../../domain/secret.ts';
import type { CreatedPersonalToken, PersonalToken, PersonalTokens } from '../../ports/tokens.ts';
import type { Stamped } from '../../ports.ts';
import { isLoopback } from '../loopback.ts';
import type { Answer } from './answer.ts';
import type { AzureDevOpsCall, AzureDevOpsOptions, AzureDevOpsRest } from './rest.ts';
import { azureDevOpsRest } from './rest.ts';
import { readWire } from './wire.ts';

const path = '_apis/tokens/pats';
const version = { 'api-version': '7.1-preview.1' } as const;

/** The most that the server gives at once. */
const pageSize = 100;
/** More pages than any user has; a server that goes on has lost its place. */
const maxPages = 100;

/** The credential must be the delegated token of a user: an identity of an app and a PAT are refused. */
export function azureDevOpsPersonalTokens(options: AzureDevOpsOptions): PersonalTokens {
  const rest = azureDevOpsRest({ ...options, organisationUrl: personalTokensUrl(options.organisationUrl) });
  const call = (given: Omit<AzureDevOpsCall, 'path'>): Promise<Answer> => explained(rest, given);
  return {
    list: () => list(call),
    create: async ({ displayName, scope, validTo }) => {
      const operation = 'creating a personal access token';
      const body = { displayName, scope, validTo: new Date(validTo).toISOString(), allOrgs: false };
      const answer = await call({ operation, method: 'POST', query: version, body, repeatable: false });
      return createdIn(answer.body, operation);
    },
    revoke: async (authorizationId) => {
      const operation = 'revoking a personal access token';
      const query = { authorizationId, ...version };
      try {
        const answer = await call({ operation, method: 'DELETE', query, repeatable: true });
        if (answer.body !== undefined) refuse(answer.body, operation);
        return 'revoked';
      } catch (error) {
        if (hasErrorKind(error, 'notFound')) return 'absent';
        throw error;
      }
    },
  };
}

/** Tokens are managed at a host of its own; the stand-in serves all of an organisation at one address. */
export function personalTokensUrl(organisationUrl: string): string {
  if (isLoopback(organisationUrl)) return organisationUrl;
  const url = new URL(organisationUrl);
  const [first = ''] = url.hostname.split('.');
  if (url.hostname === 'dev.azure.com') url.hostname = 'vssps.dev.azure.com';
  else if (url.hostname === `${first}.visualstudio.com`) url.hostname = `${first}.vssps.visualstudio.com`;
  return url.href.replace(/\/+$/, '');
}

const time = z.iso.datetime({ offset: true, local: true }).transform((text): EpochMs => {
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
});
const personalToken = z.object({
  authorizationId: z.string().min(1),
  displayName: z.string(),
  validFrom: time,
  validTo: time,
  scope: z.string(),
});
const page = z.object({ continuationToken: z.string().nullish(), patTokens: z.array(personalToken) });
const verdict = z.object({ patTokenError: z.string(), patTokenErrorMessage: z.string().nullish() });
const created = z.object({ patToken: personalToken.extend({ token: z.string().min(1) }) });

type Call = (call: Omit<AzureDevOpsCall, 'path'>) => Promise<Answer>;

async function list(call: Call): Promise<Stamped<readonly PersonalToken[]>> {
  const operation = 'listing personal access tokens';
  const value: PersonalToken[] = [];
  // The first answer's time, as of everywhere: no age is overstated by it.
  let at: EpochMs | undefined;
  let continuationToken: string | undefined;
  for (let turn = 0; turn < maxPages; turn++) {
    const query = { displayFilterOption: 'active', $top: pageSize, ...version, continuationToken };
    const answer = await call({ operation, method: 'GET', query, repeatable: true });
    const { patTokens, continuationToken: next } = readWire(page, answer.body, operation);
    value.push(...patTokens);
    at ??= serverTime(answer, operation);
    if (!next) return { value, at };
    if (next === continuationToken) break;
    continuationToken = next;
  }
  throw unexpected(operation, 'the list has no end');
}

function createdIn(body: unknown, operation: string): CreatedPersonalToken {
  refuse(body, operation);
  const { token, ...about } = readWire(created, body, operation).patToken;
  return { ...about, token: new Secret(token) };
}

/** Throws unless the answer says in so many words that there was no error. */
function refuse(body: unknown, operation: string): void {
  const { patTokenError, patTokenErrorMessage } = readWire(verdict, body, operation);
  if (patTokenError === 'none') return;
  throw refusal(patTokenError, patTokenErrorMessage ?? undefined, { operation, status: 200 });
}

/** Where a refusal comes with an error status it is told in the same words. */
async function explained(rest: AzureDevOpsRest, call: Omit<AzureDevOpsCall, 'path'>): Promise<Answer> {
  try {
    return await rest.call({ ...call, path });
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const [, code = '', message] = /^(\w+)(?:: (.*))?$/s.exec(error.detail ?? '') ?? [];
    throw isPersonalTokenError(code) ? refusal(code, message, error) : error;
  }
}

function refusal(
  code: string,
  message: string | undefined,
  { operation, status }: { readonly operation: string; readonly status: number | undefined },
): UpstreamError {
  const { kind, text } = isPersonalTokenError(code)
    ? personalTokenRefusal(code)
    : { kind: 'unexpected' as const, text: 'Mayfly does not know this refusal.' };
  const words = message ? ` Azure DevOps says: ${message.slice(0, 200)}` : '';
  return new UpstreamError({
    upstream: 'azureDevOps',
    operation,
    kind,
    status,
    detail: `${code}: ${text}${words}`,
  });
}

function serverTime(answer: Answer, operation: string): EpochMs {
  if (answer.at === undefined) throw unexpected(operation, 'no Date header');
  return answer.at;
}

const unexpected = (operation: string, detail: string): UpstreamError =>
  new UpstreamError({ upstream: 'azureDevOps', operation, kind: 'unexpected', detail });
