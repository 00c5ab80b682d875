/** An agent job that is started, and steps of its end. */
import type { Agent } from '../../../shared/domain/agent.ts';
import type { RetireReason } from '../../../shared/domain/reasons.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { retireAgentJob } from '../../../shared/reconcile/retireAgentJob.ts';
import { anAgent, policy } from '../../support/builders.ts';
import {
  type Existing,
  outcomeLine,
  type Plane,
  placeholderLine,
  Worlds,
  type WorldsOptions,
} from '../../support/pass.ts';
import { action, name } from './creation.ts';

/** Its agent online and idle, its pod running; nothing is in the journal. */
export async function anIdleAgentJob(options: WorldsOptions = {}): Promise<Worlds> {
  const worlds = new Worlds(options);
  await worlds.until(createAgentJob(worlds.plane({ name: 'creator' }).deps, action));
  await worlds.clock.advance(10_000);
  worlds.journal.clear();
  return worlds;
}

/** What a look has just shown; past the doors, so that it is in no journal. */
export const agentsSeen = (worlds: Worlds): readonly Agent[] =>
  worlds.ado.listAgents(policy.poolId).map(({ id, name: shown }) => anAgent({ id, name: shown }));

export interface RetireOptions {
  readonly reason?: RetireReason;
  readonly absenceCounts?: boolean;
  readonly plane?: Plane;
}

/** One look at the agent job and as many steps as are safe now. */
export async function retire(worlds: Worlds, options: RetireOptions = {}): Promise<string> {
  const { reason = 'surplus', absenceCounts = true, plane = worlds.plane() } = options;
  const agentJob = await worlds.agentJob(name);
  const action = { kind: 'retire', agentJob, reason } as const;
  const agents = agentsSeen(worlds);
  return outcomeLine(await worlds.until(retireAgentJob(plane.deps, action, absenceCounts, agents)));
}

export const idle: Existing = {
  jobs: ['1001-1 started agent=2'],
  agents: [placeholderLine, '2 1001-1 online'],
  secrets: ['1001-1'],
  pods: ['1001-1 Running'],
};

/** Marked, its agent disabled, nothing else done. */
export const stopped: Existing = {
  ...idle,
  jobs: ['1001-1 retiring agent=2 reason=surplus'],
  agents: [placeholderLine, '2 1001-1 online disabled'],
};
