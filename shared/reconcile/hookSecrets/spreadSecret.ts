/** The latest hook secret to every subscription, and the proof that each sends it. */
import { hookRereadMs, hookUserName } from '../../domain/hookSecret.ts';
import { type EpochMs, minutesMs, secondsMs } from '../../domain/instant.ts';
import { needsWrite } from '../../plan/hookSecret.ts';
import type { HookCredential, HookTest } from '../../ports/hooks.ts';
import type { VaultSecret } from '../../ports/tokens.ts';
import { bounded } from '../bounded.ts';
import type { HookAlarm, HookSecretDeps, OwnedSubscription } from './rotateHookSecret.ts';

export interface Spread {
  readonly latest: VaultSecret;
  readonly mark: string;
  readonly subscriptions: readonly OwnedSubscription[];
  /** The vault's own time when it was read. */
  readonly now: EpochMs;
}

/** What every receiver is given to ask the vault again, plus the time of that read. */
export const hookSettleMs = hookRereadMs + secondsMs(10);
/** A version of this age is known to all. */
const settledAfterMs = minutesMs(10);
const width = 4;

const credentialOf = ({ latest, mark }: Spread): HookCredential => ({
  userName: hookUserName(mark),
  password: latest.value,
});

function alarmOf(
  code: HookAlarm['code'],
  { id, projectId, source }: OwnedSubscription,
  detail: string | undefined,
): HookAlarm {
  const at = { organisation: source.organisation, projectId, subscriptionId: id };
  return { code, ...at, ...(detail !== undefined && { detail }) };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : 'no error');

/** Whatever cannot be asked is not proven. */
async function outcomeOf(test: Promise<HookTest>): Promise<HookTest> {
  return test.catch((error: unknown) => ({ delivered: false, detail: wordsOf(error) }));
}

/** Delivered, and by the receiver's own word with this secret. A server that keeps that word back proves nothing. */
function shortfall({ delivered, mark, detail }: HookTest, wanted: string): string | undefined {
  if (!delivered) return detail ?? 'the test notification was not taken';
  if (mark === undefined) return 'the answer of the receiver was not passed on';
  return mark === wanted ? undefined : 'another secret was sent';
}

/** Writes where something else is sent, then proves all. What fails is an alarm and keeps nobody else waiting. */
export async function spreadSecret(deps: HookSecretDeps, work: Spread): Promise<readonly HookAlarm[]> {
  const credential = credentialOf(work);
  const toWrite = work.subscriptions.filter((each) => needsWrite(each, work.mark));
  const [first] = toWrite;
  if (first !== undefined) {
    await settle(deps, work);
    const rehearsal = await outcomeOf(first.source.subscriptions.rehearse(first, credential));
    if (!rehearsal.delivered) return [alarmOf('hookSecretNotAccepted', first, rehearsal.detail)];
  }
  const written = await bounded(toWrite, width, async (subscription) => {
    try {
      await subscription.source.subscriptions.write(subscription, credential);
      return undefined;
    } catch (error) {
      return alarmOf('hookSubscriptionNotWritten', subscription, wordsOf(error));
    }
  });
  const failed = written.filter((each) => each !== undefined);
  const rest = work.subscriptions.filter(({ id }) => failed.every(({ subscriptionId }) => subscriptionId !== id));
  return [...failed, ...(await proveAll(deps, { ...work, subscriptions: rest }))];
}

/** Lets every receiver notice the new version: one that asked the vault just before it came asks no sooner. */
async function settle({ clock }: HookSecretDeps, { latest, now }: Spread): Promise<void> {
  if (now - latest.createdAt < settledAfterMs) await clock.sleep(hookSettleMs);
}

/** Asks for a test notification of each subscription as it is stored. */
export async function proveAll({ log }: Pick<HookSecretDeps, 'log'>, work: Spread): Promise<readonly HookAlarm[]> {
  const credential = credentialOf(work);
  const outcomes = await bounded(work.subscriptions, width, async (subscription) => {
    const test = await outcomeOf(subscription.source.subscriptions.test(subscription, credential));
    const lacking = shortfall(test, work.mark);
    log.write('info', 'hookSecret.tested', { subscriptionId: subscription.id, proven: lacking === undefined });
    return lacking === undefined ? undefined : alarmOf('hookSubscriptionNotProven', subscription, lacking);
  });
  return outcomes.filter((each) => each !== undefined);
}
