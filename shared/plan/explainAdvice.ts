/**
 * What will change it, one sentence or two for each way in which a request can wait. Closed over all reasons: a new one
 * does not compile before somebody has said what helps.
 */
import type { SkipReason } from '../domain/reasons.ts';
import type { Fate, FateKind } from './explainFate.ts';

const onControlMap = (key: string): string =>
  `Remove \`${key}\` (or \`${key}.<template>\`) from the ConfigMap mayfly-pool-<id> of the clusters.`;

const byReason: Readonly<Record<SkipReason, string>> = {
  userDelayed: 'Azure DevOps holds it back because its author delays it; it counts as waiting once that delay is over.',
  runOver: 'The run it belongs to is over, so no agent is made for it. Delete the run to be rid of the leftover.',
  unparsableDemand:
    'Waiting changes nothing. Write the demand as `name`, `name -equals value` or `name -gtVersion version` and run the pipeline again.',
  noTemplate:
    'Waiting changes nothing. Give a template of the pool the missing capability in mayfly.yaml, or take the demand out of the pipeline.',
  unknownParameter:
    'Waiting changes nothing. Demand a value that is listed, or list this one under `parameters` of a template in mayfly.yaml.',
  contradictoryParameters:
    'Waiting changes nothing: an agent has one value of each parameter. Demand only one and run the pipeline again.',
  notAssignedByServer:
    'Azure DevOps does not give it to an idle agent that should do. An agent that was left idle alone is replaced; where several are, something about the request keeps it waiting: look at the checks, permissions and demands of its run. The alarm of this name in the log says what an agent reports otherwise than its template promised.',
  retiringFirst: 'Its last attempt failed and is being ended; a new agent is created in the pass after that.',
  backingOff:
    'It is tried again at the time given, which moves out with each failure. What to repair stands with its attempts.',
  breakerOpen:
    'Agents of the template keep failing, so one is tried at a time; when one has come through, the rest follows. Repair what the last failure names.',
  agentVersionUnknown:
    'Nobody can say which agent its image holds: the alarm of this name in the log has the reason. See to `registries` in mayfly.yaml, put the label dev.mayfly.agent-version on the image, or give the template an `agentVersion`.',
  atTemplateLimit:
    'It gets an agent when one of this template ends. To have more at once, raise `maxAgents` of the template.',
  atPoolLimit: 'It gets an agent when another of the pool ends. To have more at once, raise `maxAgents` of the pool.',
  atParallelJobLimit:
    'It gets an agent when a parallel job is free. To have more at once, buy some, or raise `parallelJobs` where mayfly.yaml gives a number.',
  atPassLimit: 'Nobody has to act: the next pass follows at once and goes on from here.',
  atQuota:
    'It gets an agent when others end and leave room. To have more at once, raise the ResourceQuota of the namespace.',
  createRefused:
    'Every cluster refuses to create its agent job: the alarm of this name in the log has the words of the API server. It is tried again, less often each time; repair the right, the admission rule or the pod block.',
  noClusterReadable:
    'It gets an agent once a cluster answers. See to its API server, and to the access that mayfly.yaml gives.',
  paused: `Somebody paused this. ${onControlMap('paused')}`,
  drained: `Somebody drains this. ${onControlMap('drained')}`,
};

const byFate: Readonly<Record<Exclude<FateKind, 'skipped' | 'served' | 'taken'>, string>> = {
  created: 'The pass that makes this plan creates it; it takes the request as soon as it is online.',
  finished: 'Nobody has to act.',
  notInPool:
    "The number is the `requestId` of an entry of the pool's request list, not that of a run or build; the log names it.",
  poolUnknown:
    'Nothing is done for the pool until Azure DevOps answers; the next sweep asks again. Where it says unauthorized or forbidden, see to the credential in mayfly.yaml and its role in the pool.',
};

function adviceOn(fate: Fate): readonly string[] {
  switch (fate.kind) {
    case 'skipped': {
      const reasons = [fate.reason, ...fate.refusals.map(({ reason }) => reason)];
      return [...new Set(reasons)].map((reason) => byReason[reason]);
    }
    case 'served':
      return [
        fate.state === 'online'
          ? 'Azure DevOps hands it over within seconds.'
          : 'It is taken as soon as that agent is online.',
      ];
    case 'taken':
      return [
        fate.received ? 'Nobody has to act: it runs.' : 'If that agent does not begin, it counts as waiting again.',
      ];
    case 'created':
    case 'finished':
    case 'notInPool':
    case 'poolUnknown':
      return [byFate[fate.kind]];
  }
}

/** `shadow` = the pool only plans. */
export function whatHelps(fate: Fate, shadow: boolean): readonly string[] {
  const silent = 'The pool is in shadow mode: Mayfly plans and does nothing. Set `mode: active` to let it act.';
  if (!shadow || fate.kind === 'finished' || fate.kind === 'notInPool') return adviceOn(fate);
  return fate.kind === 'created' ? [silent] : [...adviceOn(fate), silent];
}
