import { describe, expect, it } from 'vitest';
import {
  isPersonalTokenError,
  personalTokenErrors,
  personalTokenRefusal,
} from '../../../shared/domain/personalTokenErrors.ts';

/** patTokenError of vsts-rest-api-specs, tokens.json 7.2, but for `none`. */
const published = `displayNameRequired invalidDisplayName invalidValidTo invalidScope userIdRequired invalidUserId
  invalidUserType accessDenied failedToIssueAccessToken invalidClient invalidClientType invalidClientId
  invalidTargetAccounts hostAuthorizationNotFound authorizationNotFound failedToUpdateAccessToken sourceNotSupported
  invalidSourceIP invalidSource duplicateHash sshPolicyDisabled invalidToken tokenNotFound invalidAuthorizationId
  failedToReadTenantPolicy globalPatPolicyViolation fullScopePatPolicyViolation patLifespanPolicyViolation
  invalidTokenType invalidAudience invalidSubject deploymentHostNotSupported disablePatCreationPolicyViolation
  failedToReadOrgPolicy globalPATCreationBlocked expiredPatCannotBeExtended`.split(/\s+/);

describe('the refusals of the PAT Lifecycle API', () => {
  it('are all that are published', () => {
    expect(personalTokenErrors.toSorted()).toEqual(published.toSorted());
  });

  it.each(personalTokenErrors)('tell what is the matter and what to do: %s', (code) => {
    const { kind, text } = personalTokenRefusal(code);
    expect(kind).not.toBe('unexpected');
    expect(text.split('. ').length).toBeGreaterThanOrEqual(2);
  });

  it('are told apart from other words', () => {
    expect([isPersonalTokenError('none'), isPersonalTokenError('toString')]).toEqual([false, false]);
  });
});
