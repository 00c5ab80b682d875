/** How near its end a token is, in the days at which people are told. */
import { hoursMs } from '../../domain/instant.ts';
import { rotateBeforeMs, tokenTags, warningDays } from '../../domain/token.ts';
import type { TokenNotice } from './observedToken.ts';
import { lifespanOf, type TokenView } from './tokenView.ts';

const dayMs = hoursMs(24);

/**
 * The lowest of the days that has been reached; undefined = none, or it is over. Where Mayfly rotates, only what lies
 * beyond the time at which it should have: before that nothing is wrong.
 */
export function reachedDays({ policy, latest, expiresAt, now }: TokenView): number | undefined {
  if (latest === undefined || expiresAt === undefined || now >= expiresAt) return undefined;
  const worthTelling =
    policy.mode === 'watch' ? Number.POSITIVE_INFINITY : rotateBeforeMs(policy, lifespanOf(latest, expiresAt));
  const reached = warningDays.filter((days) => expiresAt - now <= days * dayMs && days * dayMs < worthTelling);
  return reached.at(-1);
}

/** What to tell now: each of the days once for one version, which its tag remembers; a new version has no such tag. */
export function dueNotice(view: TokenView): Extract<TokenNotice, { kind: 'expiresSoon' }> | undefined {
  const { latest, expiresAt } = view;
  const days = reachedDays(view);
  if (latest === undefined || expiresAt === undefined || days === undefined) return undefined;
  const warned = Number(latest.tags[tokenTags.warned] ?? Number.POSITIVE_INFINITY);
  return days < warned ? { kind: 'expiresSoon', days, expiresAt } : undefined;
}
