/** Closed lists of reason codes: every "no" has one, is counted under it, and can be looked up. */

/** Why a waiting request gets no agent in this plan. */
export const skipReasons = [
  'userDelayed',
  'runOver',
  'unparsableDemand',
  'noTemplate',
  'unknownParameter',
  'contradictoryParameters',
  'notAssignedByServer',
  'retiringFirst',
  'backingOff',
  'breakerOpen',
  'agentVersionUnknown',
  'atTemplateLimit',
  'atPoolLimit',
  'atParallelJobLimit',
  'atPassLimit',
  'atQuota',
  'createRefused',
  'noClusterReadable',
  'paused',
  'drained',
] as const;
export type SkipReason = (typeof skipReasons)[number];

/** Why an agent job is retired. `surplus`, `drained` and `replaced` end idle agents that are sound. */
export const retireReasons = [
  'surplus',
  'finished',
  'ended',
  'endedIdle',
  'disrupted',
  'neverStarted',
  'wentOffline',
  'updatePending',
  'disabled',
  'fellBack',
  'notAssignedByServer',
  'drained',
  'replaced',
  'raced',
] as const;
export type RetireReason = (typeof retireReasons)[number];

/** Of these ends no agent is to blame: they are no failures and need not be remembered. */
export const blamelessReasons: ReadonlySet<string | undefined> = new Set<RetireReason>([
  'surplus',
  'drained',
  'replaced',
  'raced',
]);

/** What an operator is told without having to look. */
export const alarmReasons = [
  'requestsUnknown',
  'agentsUnknown',
  'clusterUnknown',
  'parallelJobsUnknown',
  'controlUnknown',
  'quotaUnknown',
  'groupUnknown',
  'notAssignedByServer',
  'warmShort',
  'controlUnreadable',
  'createRefused',
  'configurationOutdated',
  'assignmentExpired',
  'lostMidJob',
  'leaseExpired',
  'jobTooOld',
  'breakerOpen',
  'unreadableAgentJob',
  'agentVersionUnknown',
  'imageOld',
  'imageBuildFailed',
  'imageRolledBack',
  'imageMoved',
] as const;
export type AlarmReason = (typeof alarmReasons)[number];
