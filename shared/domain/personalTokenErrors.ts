/**
 * Why the PAT Lifecycle API refuses, in words with the fix. The codes are those of patTokenError (vsts-rest-api-specs,
 * tokens.json 7.2); a refusal may come with status 200, so the code is always looked at.
 */
import type { UpstreamErrorKind } from './errors.ts';

interface Refusal {
  readonly kind: UpstreamErrorKind;
  /** What is the matter and what to do about it. */
  readonly text: string;
}

const invalid = (text: string): Refusal => ({ kind: 'invalid', text });
const forbidden = (text: string): Refusal => ({ kind: 'forbidden', text });
const unavailable = (text: string): Refusal => ({ kind: 'unavailable', text });
const notFound = (text: string): Refusal => ({ kind: 'notFound', text });

const serverSide = 'The next rotation tries again; if it lasts, see https://status.dev.azure.com.';
const signInAgain = 'Sign the service user in again with `npm run sign-in`.';

const refusals = {
  displayNameRequired: invalid('The token has no name. Give it a name under `tokens` in mayfly.yaml.'),
  invalidDisplayName: invalid('Azure DevOps does not take the name of the token. Shorten it, without special signs.'),
  invalidValidTo: invalid('Azure DevOps does not take the end of the token. Ask for a lifespan of at most one year.'),
  invalidScope: invalid('A scope of the token does not exist. Correct `scope`, for example vso.agentpools_manage.'),
  userIdRequired: invalid(`The request names no user. ${signInAgain}`),
  invalidUserId: invalid(`Azure DevOps does not know the signed-in user. Add it to the organisation. ${signInAgain}`),
  invalidUserType: forbidden(
    'This kind of identity cannot have personal access tokens: service principals and managed identities have none. ' +
      'Sign in a service user with `npm run sign-in`, or use the managed identity without a token.',
  ),
  accessDenied: forbidden(
    'The service user may not manage its tokens. Give it access to the organisation and look at its access level.',
  ),
  failedToIssueAccessToken: unavailable(`Azure DevOps could not issue the token. ${serverSide}`),
  invalidClient: forbidden(
    'Azure DevOps does not take the app that the service user signed in to. Check the client id, and that the app has ' +
      'the delegated permission user_impersonation for Azure DevOps.',
  ),
  invalidClientType: forbidden(
    'The app that the service user signed in to is of the wrong kind. Register it as a public client.',
  ),
  invalidClientId: invalid('Azure DevOps does not know the client id. Correct it in the configuration.'),
  invalidTargetAccounts: invalid(
    'The token is asked for an organisation that the service user is not in. Add the user, or correct the address.',
  ),
  hostAuthorizationNotFound: notFound(
    'Azure DevOps knows no authorisation of the service user here. Let the user open the organisation once.',
  ),
  authorizationNotFound: notFound(
    'There is no token with this authorisation id: it was revoked or never was. Nothing has to be done.',
  ),
  failedToUpdateAccessToken: unavailable(`Azure DevOps could not change the token. ${serverSide}`),
  sourceNotSupported: forbidden('Azure DevOps takes no such request from here. Call it from an allowed network.'),
  invalidSourceIP: forbidden(
    'A Conditional Access or IP policy keeps this address out. Allow the outbound addresses of the function app.',
  ),
  invalidSource: forbidden('A policy of the organisation keeps this source out. Allow the function app.'),
  duplicateHash: {
    kind: 'conflict',
    text: 'A token of the same value exists already. The next rotation makes another.',
  },
  sshPolicyDisabled: forbidden('SSH is disabled by policy. Mayfly needs none; look at what asked for it.'),
  invalidToken: { kind: 'unauthorized', text: `The sign-in of the service user is not valid here. ${signInAgain}` },
  tokenNotFound: notFound('There is no such token: it was revoked or has expired. Nothing has to be done.'),
  invalidAuthorizationId: invalid(
    'The authorisation id of the token cannot be read. Correct the tag on its version in Key Vault, or remove the tag.',
  ),
  failedToReadTenantPolicy: unavailable(`Azure DevOps could not read the policies of the tenant. ${serverSide}`),
  globalPatPolicyViolation: forbidden(
    'The tenant forbids tokens for all organisations. Mayfly asks for none; look at who changed the request.',
  ),
  fullScopePatPolicyViolation: forbidden(
    'The tenant forbids tokens with full access. Name the scopes that are needed, for example vso.agentpools_manage.',
  ),
  patLifespanPolicyViolation: forbidden(
    'The tenant limits how long tokens live. Ask for a shorter lifespan, or put the service user on the allow list of ' +
      'the policy "Enforce maximum personal access token lifespan".',
  ),
  invalidTokenType: invalid('This kind of token cannot be managed so. Correct the tag on its version in Key Vault.'),
  invalidAudience: {
    kind: 'unauthorized',
    text: `The sign-in is for something else than Azure DevOps. ${signInAgain}`,
  },
  invalidSubject: { kind: 'unauthorized', text: `The sign-in is for another user than expected. ${signInAgain}` },
  deploymentHostNotSupported: invalid(
    'Tokens cannot be managed at this address. Use the address of the organisation: https://dev.azure.com/<name>.',
  ),
  disablePatCreationPolicyViolation: forbidden(
    'The organisation restricts the creation of tokens. Put the service user on the allow list of the policy ' +
      '"Restrict personal access token creation", or use the managed identity.',
  ),
  failedToReadOrgPolicy: unavailable(`Azure DevOps could not read the policies of the organisation. ${serverSide}`),
  globalPATCreationBlocked: forbidden(
    'Tokens for all organisations can no longer be made. Mayfly asks for none; look at who changed the request.',
  ),
  expiredPatCannotBeExtended: invalid('An expired token cannot be extended. A rotation makes a new one.'),
} as const satisfies Readonly<Record<string, Refusal>>;

export type PersonalTokenError = keyof typeof refusals;

/** All codes but `none`. */
export const personalTokenErrors = Object.keys(refusals) as readonly PersonalTokenError[];

export const isPersonalTokenError = (code: string): code is PersonalTokenError => Object.hasOwn(refusals, code);

/** What a code means: a kind, and a sentence with the fix. */
export const personalTokenRefusal = (code: PersonalTokenError): Refusal => refusals[code];
