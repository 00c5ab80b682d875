/**
 * One placeholder per template: a registered agent that nobody can connect as. Without a registered agent that
 * satisfies its demands Azure DevOps fails a pipeline job at once instead of letting it wait. It goes only when its
 * template has left the configuration, long enough ago and with nothing of the template left.
 */
import type { Agent, Capabilities } from '../domain/agent.ts';
import { isTombstone } from '../domain/agentJob.ts';
import { absentKey, type Control, generationKey } from '../domain/control.ts';
import { type EpochMs, minutesMs } from '../domain/instant.ts';
import { formatInstant, parseName, placeholderName, templateShort } from '../domain/names.ts';
import { placeholderCapabilities } from '../domain/offer.ts';
import type { Template } from '../domain/template.ts';
import { everyClusterKnown } from './observed.ts';
import type { Action } from './plan.ts';
import { scopeOf, type View } from './view.ts';

/** So long a template must have been missing: a rollback of the configuration, or a slower instance of it, passes. */
const absentForMs = minutesMs(15);

/** What people added on the server is theirs: it neither lacks nor hides anything that we could repair. */
function offersExactly(agent: Agent, offered: Capabilities): boolean {
  const added = agent.userCapabilities ?? {};
  const names = new Set([...Object.keys(agent.capabilities), ...Object.keys(offered)]);
  return [...names].every((name) => name in added || agent.capabilities[name] === offered[name]);
}

function isSound(agent: Agent, template: Template): boolean {
  return (
    agent.enabled && agent.version === template.agentVersion && offersExactly(agent, placeholderCapabilities(template))
  );
}

/** Creates what is missing and repairs what differs from its template, unless a newer configuration may have made it so. */
export function planPlaceholders({ policy, agentsByName, isOutdated }: View): readonly Action[] {
  return policy.templates.flatMap((template): readonly Action[] => {
    const name = placeholderName(scopeOf(policy), template.name);
    const agent = agentsByName.get(name);
    // What a placeholder is to claim is not known yet; one that is there goes on claiming what it did.
    if (template.agentVersion === undefined) return [];
    if (agent === undefined) return [{ kind: 'createPlaceholder', name, template }];
    return isOutdated || isSound(agent, template)
      ? []
      : [{ kind: 'repairPlaceholder', name, agentId: agent.id, template }];
  });
}

/** A placeholder of ours whose template this configuration does not have. */
interface Orphan {
  readonly agent: Agent;
  readonly template6: string;
}

function orphansOf({ policy, agents }: View): readonly Orphan[] {
  const configured = new Set(policy.templates.map(({ name }) => templateShort(name)));
  return agents.flatMap((agent) => {
    const parsed = parseName(scopeOf(policy), agent.name);
    const isOrphan = parsed?.kind === 'placeholder' && !configured.has(parsed.template6);
    return isOrphan ? [{ agent, template6: parsed.template6 }] : [];
  });
}

/** What the control map has to say of absences and does not say yet. */
function noteChanges({ policy, now }: View, control: Control, orphans: readonly Orphan[]) {
  const changes: Record<string, string | undefined> = {};
  const absent = new Set(orphans.map(({ template6 }) => template6));
  for (const template6 of absent) {
    if (!control.absentSince.has(template6)) changes[absentKey(template6)] = formatInstant(now);
  }
  for (const template6 of control.absentSince.keys()) {
    if (!absent.has(template6)) changes[absentKey(template6)] = undefined;
  }
  if (policy.generation !== undefined && policy.generation > (control.generation ?? 0))
    changes[generationKey] = String(policy.generation);
  return changes;
}

function isForgotten({ agentJobs }: View, { template6 }: Orphan, since: EpochMs | undefined, now: EpochMs): boolean {
  const lives = agentJobs.some((agentJob) => !isTombstone(agentJob) && templateShort(agentJob.template) === template6);
  return since !== undefined && now - since > absentForMs && !lives;
}

/**
 * What left the configuration: notes since when, and at last removes the placeholder. Only a configuration that is not
 * older than the newest that looked after this pool may judge, and only while nothing is out of sight.
 */
export function planAbsences(view: View): readonly Action[] {
  const { policy, observed, now } = view;
  const { value: control, error } = observed.control;
  if (control === undefined || error !== undefined || !everyClusterKnown(observed)) return [];
  if ((policy.generation ?? 0) < (control.generation ?? 0)) return [];
  const orphans = orphansOf(view);
  const changes = noteChanges(view, control, orphans);
  const note: readonly Action[] =
    Object.keys(changes).length === 0 && !control.isMissing
      ? []
      : [{ kind: 'noteControl', name: `mayfly-pool-${policy.poolId}`, changes }];
  const gone = orphans.filter((orphan) => isForgotten(view, orphan, control.absentSince.get(orphan.template6), now));
  return [
    ...note,
    ...gone.map(({ agent }): Action => ({ kind: 'deletePlaceholder', name: agent.name, agentId: agent.id })),
  ];
}
