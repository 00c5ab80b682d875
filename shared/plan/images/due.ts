/** Whether a build of an image is due now, why, and under which name: everybody who asks in one week finds the same one. */
import { shortHash } from '../../domain/hash.ts';
import type { ImagePolicy } from '../../domain/imagePolicy.ts';
import type { BuildRecord, ImageState, Ingredients } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { lastScheduledWeek, weekOf } from './week.ts';

export type DueReason = 'weekly' | 'requested' | 'agentPackage' | 'baseImage';

export type Due =
  | { readonly due: true; readonly reason: DueReason; readonly key: string }
  | { readonly due: false; readonly why: 'underWay' | 'built' | 'notScheduled' };

/** Weeks of images without a schedule are told for names alone. */
const zoneOf = ({ schedule }: ImagePolicy): string => schedule?.zone ?? 'UTC';

const keyOf = ({ name }: ImagePolicy, week: string): string => `${name}-${week}`;

export const isUnderWay = (build: BuildRecord | undefined): build is BuildRecord =>
  build !== undefined && build.state !== 'done' && build.state !== 'failed';

/** A build on demand is another one each time: its key has the month, day, hour and minute of UTC. */
function demandKey(policy: ImagePolicy, now: EpochMs): string {
  const minute = new Date(now).toISOString().slice(5, 16).replaceAll(/\D/g, '');
  return `${keyOf(policy, weekOf(now, zoneOf(policy)))}-d${minute}`;
}

/** What a build would be made of now that the last one was not. What is not known has not changed. */
function changeIn(seen: Ingredients | undefined, newest: Ingredients): 'agentPackage' | 'baseImage' | undefined {
  if (seen === undefined) return undefined;
  if (newest.agent !== undefined && seen.agent !== undefined && newest.agent !== seen.agent) return 'agentPackage';
  return newest.base !== undefined && seen.base !== undefined && newest.base !== seen.base ? 'baseImage' : undefined;
}

/** The week that a build begun now makes up for, whatever it is begun for. */
export const weekServed = ({ schedule }: ImagePolicy, now: EpochMs): string | undefined =>
  schedule && lastScheduledWeek(schedule, now);

function scheduled(policy: ImagePolicy, { build, seen }: ImageState, now: EpochMs): Due {
  const week = weekServed(policy, now);
  if (week === undefined) return { due: false, why: 'notScheduled' };
  const key = keyOf(policy, week);
  // A missed week is made up for once; several are made up for by one build.
  if (build?.key === key || (seen?.week ?? '') >= week) return { due: false, why: 'built' };
  return { due: true, reason: 'weekly', key };
}

/**
 * `newest` = what a build would be made of now; absent members are unknown. A build under way, or waiting for its digest,
 * answers every wish.
 */
export function due(policy: ImagePolicy, state: ImageState, newest: Ingredients, now: EpochMs): Due {
  const { build, seen, requested } = state;
  if (isUnderWay(build)) return { due: false, why: 'underWay' };
  if (requested?.kind === 'build') return { due: true, reason: 'requested', key: demandKey(policy, now) };
  const weekly = scheduled(policy, state, now);
  if (weekly.due) return weekly;
  const reason = changeIn(seen, newest);
  if (reason === undefined) return weekly;
  const what = shortHash(JSON.stringify([newest.agent, newest.base]), 6);
  return { due: true, reason, key: `${keyOf(policy, weekOf(now, zoneOf(policy)))}-${what}` };
}
