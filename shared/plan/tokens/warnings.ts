/** How near its end a token is, in the days at which people are told. */
import { hoursMs } from '../../domain/instant.ts';
import { rotateBeforeMs, tokenTags, type VaultVersion, warningDays } from '../../domain/token.ts';
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

/** A day that has not come yet stands there for another version, or an earlier end: people copy tags. */
function warnedDays({ tags }: VaultVersion, leftMs: number): number {
  const warned = warningDays.find((days) => String(days) === tags[tokenTags.warned]);
  return warned !== undefined && leftMs <= warned * dayMs ? warned : Number.POSITIVE_INFINITY;
}

/** What to tell now: each of the days once for one version, which its tag remembers; a new version has no such tag. */
export function dueNotice(view: TokenView): Extract<TokenNotice, { kind: 'expiresSoon' }> | undefined {
  const { latest, expiresAt, now } = view;
  const days = reachedDays(view);
  if (latest === undefined || expiresAt === undefined || days === undefined) return undefined;
  return days < warnedDays(latest, expiresAt - now) ? { kind: 'expiresSoon', days, expiresAt } : undefined;
}
