/**
 * Carries a plan out: placeholders first (without them jobs fail at once), then creations, then what ends, ghosts last.
 * Nothing new begins after the deadline; what has begun is finished or undone.
 */
import { parseName } from '../domain/names.ts';
import type { Observed } from '../plan/observed.ts';
import type { Action, ActionKind, Plan } from '../plan/plan.ts';
import { scopeOf } from '../plan/view.ts';
import { bounded } from './bounded.ts';
import { createAgentJob } from './createAgentJob.ts';
import { deleteGhost } from './deleteGhost.ts';
import type { Pass, ReconcileDeps, ReconcileIntent } from './deps.ts';
import { noteImage } from './images/noteImage.ts';
import { deleteLeftover } from './leftovers.ts';
import { endOverAge, noteLost } from './lostWork.ts';
import type { Look } from './observe.ts';
import type { Outcome } from './outcome.ts';
import { createPlaceholder, deletePlaceholder, noteControl, repairPlaceholder } from './placeholderActions.ts';
import { rerun } from './rerun.ts';
import { retireAgentJob } from './retireAgentJob.ts';
import { cancelRun, tellRun } from './runTellings.ts';
import type { ActionOf } from './settle.ts';
import { bury, disableAgent, noteAgent, rollBack } from './smallActions.ts';

/** What goes together, in this order; `width` is how many are under way at once. */
const stages: readonly { readonly kinds: readonly ActionKind[]; readonly width: number }[] = [
  { kinds: ['createPlaceholder', 'repairPlaceholder'], width: 4 },
  { kinds: ['create'], width: 10 },
  // What must not be missed, because it shows for a moment only, before what can wait.
  { kinds: ['noteImage', 'noteLost', 'disable', 'endOverAge'], width: 6 },
  { kinds: ['noteAgent', 'retire', 'rollBack', 'bury'], width: 6 },
  // One after the other: the second loss of a stage must find the tag of the first.
  { kinds: ['rerun'], width: 1 },
  { kinds: ['tellRun', 'cancelRun'], width: 2 },
  { kinds: ['deleteGhost', 'deleteLeftover', 'deletePlaceholder', 'noteControl'], width: 2 },
];

/** A 404 for an agent means absent only if the list of this look was readable and shows a placeholder of ours. */
function absenceCounts(deps: ReconcileDeps, observed: Observed): boolean {
  const scope = scopeOf(deps.policy);
  return (
    observed.agents.known && observed.agents.value.some(({ name }) => parseName(scope, name)?.kind === 'placeholder')
  );
}

type Apply<K extends ActionKind> = (pass: Pass, action: ActionOf<K>, observed: Observed) => Promise<Outcome>;

const applies: { readonly [K in ActionKind]: Apply<K> } = {
  createPlaceholder,
  repairPlaceholder,
  deletePlaceholder,
  create: createAgentJob,
  noteAgent,
  disable: disableAgent,
  retire: (pass, action, observed) =>
    retireAgentJob(pass, action, absenceCounts(pass, observed), observed.agents.known ? observed.agents.value : []),
  rollBack,
  bury,
  noteImage,
  noteLost,
  rerun,
  endOverAge,
  tellRun,
  cancelRun,
  deleteGhost,
  deleteLeftover,
  noteControl,
};

function applyAction<K extends ActionKind>(pass: Pass, action: ActionOf<K>, observed: Observed): Promise<Outcome> {
  const apply: Apply<K> = applies[action.kind];
  return apply(pass, action, observed);
}

export const subjectOf = (action: Action): string => ('agentJob' in action ? action.agentJob.name : action.name);

export async function applyPlan(
  deps: ReconcileDeps,
  plan: Plan,
  { observed, lookedAt }: Look,
  intent: ReconcileIntent,
): Promise<readonly Outcome[]> {
  const { clock } = deps;
  // Elapsed time only: this machine's clock may be wrong, but not by much within one pass.
  const pass: Pass = { ...deps, serverNow: () => observed.at + Math.max(0, clock.now() - lookedAt) };
  const outcomes: Outcome[] = [];
  for (const { kinds, width } of stages) {
    const actions = plan.actions.filter((action) => kinds.includes(action.kind));
    outcomes.push(
      ...(await bounded(actions, width, async (action): Promise<Outcome> => {
        if (clock.now() < intent.deadlineAt) return applyAction(pass, action, observed);
        return { action: action.kind, subject: subjectOf(action), kind: 'postponed' };
      })),
    );
  }
  return outcomes;
}
