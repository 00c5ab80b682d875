/** One pass over the hook secret: observe, plan, act, and again until nothing is to be done now. */
import { errorKind } from '../../domain/errors.ts';
import {
  acceptedBeside,
  type HookSecretVersion,
  type HookSubscription,
  hookTags,
  provenAt,
} from '../../domain/hookSecret.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { Secret } from '../../domain/secret.ts';
import {
  type HookSecretPolicy,
  type HookSecretStep,
  needsRepair,
  needsWrite,
  planHookSecret,
} from '../../plan/hookSecret.ts';
import type { HookSubscriptions, HookVault } from '../../ports/hooks.ts';
import type { VaultSecret } from '../../ports/tokens.ts';
import type { Clock, Log } from '../../ports.ts';
import { proveAll, type Spread, spreadSecret } from './spreadSecret.ts';

/** The projects of one organisation whose hooks send to this installation. */
export interface HookSource {
  readonly organisation: string;
  readonly projects: readonly string[];
  readonly subscriptions: HookSubscriptions;
}

export interface HookSecretDeps {
  readonly vault: HookVault;
  readonly secretName: string;
  readonly sources: readonly HookSource[];
  readonly policy: HookSecretPolicy;
  /** Random, of 256 bits or more. */
  readonly newSecret: () => Secret;
  /** undefined = too short to have one. */
  readonly markOf: (secret: Secret) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export const hookAlarms = [
  /** The vault, or the latest version in it, cannot be read or written. */
  'hookVault',
  /** The subscriptions of a project cannot be read. */
  'hookSubscriptionsUnknown',
  /** A configured project has no subscription that sends here. */
  'hookSubscriptionMissing',
  /** The receiver does not accept the new secret; no subscription was touched. */
  'hookSecretNotAccepted',
  'hookSubscriptionNotWritten',
  'hookSubscriptionNotProven',
  /** On probation or disabled by the server. */
  'hookSubscriptionStalled',
] as const;

export interface HookAlarm {
  readonly code: (typeof hookAlarms)[number];
  readonly organisation?: string;
  readonly projectId?: string;
  readonly subscriptionId?: string;
  readonly detail?: string;
}

export interface HookSecretReport {
  /** Steps that were done, in order. */
  readonly steps: readonly HookSecretStep['kind'][];
  readonly alarms: readonly HookAlarm[];
  /** Secrets that are accepted now; undefined = unknown. */
  readonly accepted?: number;
  /** After how long there will be something to do again. */
  readonly nextInMs?: number;
}

/** A subscription with the source that it came from. */
export interface OwnedSubscription extends HookSubscription {
  readonly source: HookSource;
}

interface Observed {
  readonly latest: VaultSecret;
  readonly versions: readonly HookSecretVersion[];
  readonly subscriptions: readonly OwnedSubscription[];
  readonly alarms: readonly HookAlarm[];
  /** The vault's own time, and ours at that moment. */
  readonly now: EpochMs;
  readonly readAt: EpochMs;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : errorKind(error));

async function observe(deps: HookSecretDeps): Promise<Observed | HookAlarm> {
  const { vault, secretName } = deps;
  const alarms: HookAlarm[] = [];
  const found = await Promise.all(
    deps.sources.flatMap((source) => source.projects.map((projectId) => listOf(source, projectId, alarms))),
  );
  // The vault last: whatever was stored before a subscription was read is seen.
  try {
    const [latest, listed] = await Promise.all([vault.readLatest(secretName), vault.listVersions(secretName)]);
    if (latest === undefined) return { code: 'hookVault', detail: `there is no secret ${secretName}` };
    const times = { now: listed.at, readAt: deps.clock.now() };
    return { latest, versions: listed.value, subscriptions: found.flat(), alarms, ...times };
  } catch (error) {
    return { code: 'hookVault', detail: wordsOf(error) };
  }
}

async function listOf(
  source: HookSource,
  projectId: string,
  alarms: HookAlarm[],
): Promise<readonly OwnedSubscription[]> {
  const where = { organisation: source.organisation, projectId };
  try {
    const found = await source.subscriptions.list(projectId);
    if (found.length === 0) alarms.push({ code: 'hookSubscriptionMissing', ...where });
    return found.map((subscription) => ({ ...subscription, source }));
  } catch (error) {
    alarms.push({ code: 'hookSubscriptionsUnknown', ...where, detail: wordsOf(error) });
    return [];
  }
}

/** Each kind of step is done at most once a pass: what does not help will not help a second time. */
const maxSteps = 3;

/** Never rejects: what went wrong is an alarm, and what was accepted before is still accepted. */
export async function rotateHookSecret(
  deps: HookSecretDeps,
  { asked }: { readonly asked: boolean },
): Promise<HookSecretReport> {
  const steps: HookSecretStep['kind'][] = [];
  let observed = await observe(deps);
  for (;;) {
    if ('code' in observed) return { steps, alarms: [observed] };
    const { latest, versions, alarms } = observed;
    const subscriptionsKnown = alarms.length === 0;
    const mark = deps.markOf(latest.value);
    const view = {
      ...observed,
      asked: asked && !steps.includes('begin'),
      mark,
      subscriptionsKnown,
    };
    const step = planHookSecret(view, deps.policy);
    const accepted = acceptedBeside(versions, latest).length + 1;
    if (step.kind === 'rest') return { steps, alarms, accepted, nextInMs: Math.max(0, step.nextAt - observed.now) };
    if (step.kind === 'blocked' || steps.length >= maxSteps || steps.includes(step.kind)) {
      return { steps, alarms, accepted };
    }
    deps.log.write('info', `hookSecret.${step.kind}`, { accepted, version: latest.version });
    const failures = await act(deps, observed, step);
    if (failures.length > 0) return { steps, alarms: [...alarms, ...failures], accepted };
    steps.push(step.kind);
    observed = await observe(deps);
  }
}

/** How things stand, with nothing changed and no notification sent. Never rejects. */
export async function lookAtHookSecret(deps: HookSecretDeps): Promise<HookSecretReport> {
  const observed = await observe(deps);
  if ('code' in observed) return { steps: [], alarms: [observed] };
  const { latest, versions, subscriptions, alarms } = observed;
  const stalled = subscriptions.filter(needsRepair).map((each): HookAlarm => {
    const where = { organisation: each.source.organisation, projectId: each.projectId, subscriptionId: each.id };
    return { code: 'hookSubscriptionStalled', ...where, detail: each.status };
  });
  return { steps: [], alarms: [...alarms, ...stalled], accepted: acceptedBeside(versions, latest).length + 1 };
}

type Act = Exclude<HookSecretStep, { readonly kind: 'rest' | 'blocked' }>;

async function act(deps: HookSecretDeps, observed: Observed, step: Act): Promise<readonly HookAlarm[]> {
  try {
    switch (step.kind) {
      case 'begin':
        return await begin(deps, step.former);
      case 'spread':
        return await spread(deps, observed, step.mark);
      case 'drop':
        return await drop(deps, observed, step);
    }
  } catch (error) {
    return [{ code: 'hookVault', detail: wordsOf(error) }];
  }
}

/** First what is sent now is marked as accepted: from the moment a new version exists it is no longer the latest. */
async function begin(
  { vault, secretName, newSecret }: HookSecretDeps,
  former: HookSecretVersion,
): Promise<readonly []> {
  await vault.tag(secretName, former.version, { ...former.tags, [hookTags.state]: 'accepted' });
  await vault.store(secretName, newSecret(), { tags: { [hookTags.state]: 'accepted' } });
  return [];
}

async function spread(deps: HookSecretDeps, observed: Observed, mark: string): Promise<readonly HookAlarm[]> {
  const { latest, subscriptions, alarms, now, readAt } = observed;
  const work: Spread = { latest, mark, subscriptions, now };
  const failures = await spreadSecret(deps, work);
  if (failures.length === 0 && alarms.length === 0) {
    // Whoever was written just now may have notifications under way that bear what it sent before.
    const wasWritten = subscriptions.some((each) => needsWrite(each, mark));
    const proven = (wasWritten ? undefined : provenAt(latest)) ?? now + deps.clock.now() - readAt;
    const tags = { ...latest.tags, [hookTags.state]: 'accepted', [hookTags.provenAt]: String(proven) };
    await deps.vault.tag(deps.secretName, latest.version, tags);
  }
  return failures;
}

/** Proven once more in the same pass, or nothing is dropped. */
async function drop(
  deps: HookSecretDeps,
  { latest, subscriptions, now }: Observed,
  { versions, mark }: Extract<HookSecretStep, { readonly kind: 'drop' }>,
): Promise<readonly HookAlarm[]> {
  const failures = await proveAll(deps, { latest, mark, subscriptions, now });
  if (failures.length > 0) return failures;
  for (const { version, tags } of versions) {
    await deps.vault.tag(deps.secretName, version, { ...tags, [hookTags.state]: 'dropped' });
  }
  return [];
}
