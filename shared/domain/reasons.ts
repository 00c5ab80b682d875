/** Closed lists of reason codes: every "no" has one, is counted under it, and can be looked up. */

/** Why a waiting request gets no agent in this plan. */
export const skipReasons = [
  'userDelayed',
  'unparsableDemand',
  'noTemplate',
  'retiringFirst',
  'backingOff',
  'breakerOpen',
  'atTemplateLimit',
  'atPoolLimit',
  'atParallelJobLimit',
  'atPassLimit',
  'noClusterReadable',
  'paused',
] as const;
export type SkipReason = (typeof skipReasons)[number];

/** Why an agent job is retired. Only `surplus` is an idle verdict. */
export const retireReasons = [
  'surplus',
  'finished',
  'ended',
  'neverStarted',
  'wentOffline',
  'updatePending',
  'disabled',
] as const;
export type RetireReason = (typeof retireReasons)[number];

/** What an operator is told without having to look. */
export const alarmReasons = [
  'requestsUnknown',
  'agentsUnknown',
  'clusterUnknown',
  'parallelJobsUnknown',
  'controlUnknown',
  'assignmentExpired',
  'lostMidJob',
  'breakerOpen',
  'unreadableAgentJob',
] as const;
export type AlarmReason = (typeof alarmReasons)[number];
