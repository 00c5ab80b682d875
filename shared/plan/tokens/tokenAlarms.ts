/** What is wrong with a token as long as it is: its status and the health of the installation follow from it. */
import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { clockSkewMs, type TokenReason } from '../../domain/token.ts';
import type { ObservedCopy, TokenAlarm } from './observedToken.ts';
import { authorizationOf, isAccepted, isOurs, type TokenView } from './tokenView.ts';
import { reachedDays } from './warnings.ts';

type Reasons = Readonly<Partial<Record<UpstreamErrorKind, TokenReason>>>;

const vaultReasons: Reasons = {
  forbidden: 'vaultForbidden',
  unauthorized: 'vaultForbidden',
  throttled: 'vaultThrottled',
};

export const vaultReason = (kind: UpstreamErrorKind): TokenReason => vaultReasons[kind] ?? 'vaultUnreachable';

/** A disabled version cannot be read, which looks like a missing right; the list of versions tells them apart. */
function vaultAlarms({ policy, observed, versions, latest }: TokenView): readonly TokenAlarm[] {
  const subject = policy.vaultSecret;
  if (!observed.latest.known && versions?.[0]?.enabled === false) return [{ reason: 'secretDisabled', subject }];
  for (const read of [observed.latest, observed.versions]) {
    if (!read.known) return [{ reason: vaultReason(read.error), subject, detail: read.error }];
  }
  return latest === undefined && policy.mode === 'watch' ? [{ reason: absence(observed), subject }] : [];
}

const absence = ({ deleted }: TokenView['observed']): TokenReason =>
  deleted?.known === true && deleted.value ? 'secretDeleted' : 'secretMissing';

function proofAlarms({ observed: { proof } }: TokenView): readonly TokenAlarm[] {
  if (proof === undefined) return [];
  if (!proof.known) return [{ reason: 'tokenUnproven', detail: proof.error }];
  return proof.value === 'rejected' ? [{ reason: 'tokenRejected' }] : [];
}

function ageAlarms(view: TokenView): readonly TokenAlarm[] {
  const { expiresAt, now, latest, policy } = view;
  if (expiresAt === undefined) {
    // Where Mayfly rotates, what has no known end is replaced; what is rejected has its own alarm.
    const isUnwatched = policy.mode === 'watch' && latest !== undefined && isAccepted(view);
    return isUnwatched ? [{ reason: 'expiryUnknown', subject: latest.version }] : [];
  }
  if (now >= expiresAt) return [{ reason: 'tokenExpired' }];
  const days = reachedDays(view);
  return days === undefined ? [] : [{ reason: 'tokenExpiresSoon', detail: `within ${days} days` }];
}

function signInAlarms({ observed: { personal }, policy }: TokenView): readonly TokenAlarm[] {
  if (personal === undefined)
    return policy.mode === 'rotate' ? [{ reason: 'personalTokensUnknown', detail: 'nobody is signed in' }] : [];
  if (personal.known) return [];
  return [
    { reason: personal.error === 'unauthorized' ? 'signInBroken' : 'personalTokensUnknown', detail: personal.error },
  ];
}

/** A PAT that works but is not in the server's list is not the one that its tags name. */
function listAlarms(view: TokenView): readonly TokenAlarm[] {
  const { latest, personal } = view;
  if (latest === undefined || personal === undefined || !isOurs(latest) || !isAccepted(view)) return [];
  const isListed = personal.some(({ authorizationId }) => authorizationId === authorizationOf(latest));
  return isListed ? [] : [{ reason: 'tokenUnlisted', subject: latest.version }];
}

const copyName = ({ copy }: ObservedCopy): string => `${copy.cluster}/${copy.secret}/${copy.key}`;

function copyAlarms({ observed }: TokenView): readonly TokenAlarm[] {
  return observed.copies.flatMap((observedCopy): readonly TokenAlarm[] => {
    const { holds } = observedCopy;
    if (holds.known) return [];
    const isRefused = holds.error === 'forbidden' || holds.error === 'unauthorized';
    const reason = isRefused ? 'copyRefused' : 'clusterUnreachable';
    return [{ reason, subject: copyName(observedCopy), detail: holds.error }];
  });
}

/** The clock of this machine decides nothing here, but other things of this installation may go by it. */
function clockAlarms({ observed: { skewMs } }: TokenView): readonly TokenAlarm[] {
  if (Math.abs(skewMs) <= clockSkewMs) return [];
  const way = skewMs > 0 ? 'ahead of' : 'behind';
  return [{ reason: 'clockSkew', detail: `${Math.round(Math.abs(skewMs) / 1000)} s ${way} the server` }];
}

export function tokenAlarms(view: TokenView): readonly TokenAlarm[] {
  return [vaultAlarms, proofAlarms, ageAlarms, signInAlarms, listAlarms, copyAlarms, clockAlarms].flatMap((alarms) =>
    alarms(view),
  );
}
