/** What could not be read in a look, or not as it was meant: each lives on memory or a default, so somebody must know. */
import type { Alarm } from './plan.ts';
import type { View } from './view.ts';

function optionalAlarms({ policy, observed }: View): readonly Alarm[] {
  const { parallelJobs, control, group } = observed;
  const alarms: Alarm[] = [];
  if (parallelJobs.error !== undefined && policy.parallelJobs !== 'unlimited')
    alarms.push({ reason: 'parallelJobsUnknown', subject: parallelJobs.error });
  if (control.error !== undefined) alarms.push({ reason: 'controlUnknown', subject: control.error });
  for (const { organisation, poolId, needs } of group) {
    if (!needs.known)
      alarms.push({ reason: 'groupUnknown', subject: `${organisation} pool ${poolId}`, detail: needs.error });
  }
  return alarms;
}

/** A key that says neither yes nor no, or names a template that does not exist, was meant to do something. */
function controlAlarms({ policy, observed }: View): readonly Alarm[] {
  const { value: control } = observed.control;
  if (control === undefined) return [];
  const names = new Set(policy.templates.map(({ name }) => name));
  const strange = (['paused', 'drained'] as const).flatMap((word) =>
    [...control[word].templates].filter((name) => !names.has(name)).map((name) => `${word}.${name} names no template`),
  );
  return [...control.problems, ...strange].map((detail) => ({
    reason: 'controlUnreadable',
    subject: policy.poolName,
    detail,
  }));
}

/** What a cluster refuses, and a configuration that another control plane has a newer one of. */
function troubleAlarms({ policy, observed, now, isOutdated }: View): readonly Alarm[] {
  const refused = [...(observed.refusals ?? [])]
    .filter(([, { until }]) => now < until)
    .map(([subject, { why }]): Alarm => ({ reason: 'createRefused', subject, detail: why }));
  if (!isOutdated) return refused;
  const detail = `generation ${policy.generation ?? 0}, the control map tells of ${observed.control.value?.generation ?? 0}`;
  return [...refused, { reason: 'configurationOutdated', subject: policy.poolName, detail }];
}

/** Templates of which no agent can be made, because nobody can say what their image holds. */
function versionAlarms({ policy }: View): readonly Alarm[] {
  return policy.templates
    .filter(({ agentVersion }) => agentVersion === undefined)
    .map(({ name, image, unread }) => ({
      reason: 'agentVersionUnknown',
      subject: name,
      detail: `${image}: ${unread ?? 'it has no label dev.mayfly.agent-version'}`,
    }));
}

export function readAlarms(view: View): readonly Alarm[] {
  const clusters = view.observed.clusters.flatMap(({ name, agentJobs, quotas }): readonly Alarm[] => [
    ...(agentJobs.known ? [] : [{ reason: 'clusterUnknown', subject: name, detail: agentJobs.error } as const]),
    ...(quotas.error === undefined ? [] : [{ reason: 'quotaUnknown', subject: name, detail: quotas.error } as const]),
  ]);
  return [...optionalAlarms(view), ...controlAlarms(view), ...troubleAlarms(view), ...versionAlarms(view), ...clusters];
}
