/** A small organisation on virtual time, with immediate assignment unless told otherwise. */
import type { WorldEvent } from '../../../../infra/local/azureDevOps/events.ts';
import type { WorldOptions } from '../../../../infra/local/azureDevOps/options.ts';
import type {
  AgentRegistration,
  JobSpec,
  RequestRecord,
  SessionSpec,
} from '../../../../infra/local/azureDevOps/records.ts';
import { AzureDevOpsWorld } from '../../../../infra/local/azureDevOps/world.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { seededRandom } from '../../../../infra/local/world/random.ts';

export const poolId = 7;
export const publicKey = { exponent: 'AQAB', modulus: 'pQ==' };

export interface Fixture {
  readonly world: AzureDevOpsWorld;
  readonly clock: VirtualClock;
  readonly events: WorldEvent[];
  /** Queues a job and answers the id of its request. */
  readonly queue: (spec?: Partial<JobSpec>) => number;
  /** Registers an agent that a listener could run. */
  readonly register: (spec?: Partial<AgentRegistration>) => number;
  /** Registers an agent and starts its listener. */
  readonly start: (
    spec?: Partial<AgentRegistration>,
    session?: Partial<SessionSpec>,
  ) => { agentId: number; sessionId: string };
  /** Takes the next message of a session and acknowledges it. */
  readonly take: (sessionId: string) => number;
  readonly request: (requestId: number) => RequestRecord;
}

export function anOrganisation(options: Partial<WorldOptions> = {}): Fixture {
  const clock = new VirtualClock();
  const limits = { assignDelayMs: { min: 0, max: 0 }, ...options.limits };
  const world = new AzureDevOpsWorld({ clock, random: seededRandom(7), ...options, limits });
  const events: WorldEvent[] = [];
  world.onEvent((event) => events.push(event));
  world.addPool({ id: poolId, name: 'linux' });
  let agents = 0;
  const register = (spec: Partial<AgentRegistration> = {}): number =>
    world.addAgent(poolId, { name: `agent-${++agents}`, version: '5.278.0', publicKey, ...spec }).id;
  return {
    world,
    clock,
    events,
    register,
    queue: (spec) => {
      const queued = world.queueJob({ poolId, ...spec });
      if (queued.kind === 'refused') throw new Error(queued.message);
      return queued.requestId;
    },
    start: (spec, session) => {
      const agentId = register(spec);
      const { id } = world.openSession(poolId, agentId, { ownerName: 'pod', attached: true, ...session });
      return { agentId, sessionId: id };
    },
    take: (sessionId) => {
      const message = world.takeMessage(sessionId);
      if (message === undefined) throw new Error('no message');
      world.deleteMessage(sessionId, message.messageId);
      return message.requestId;
    },
    request: (requestId) => world.getJobRequest(poolId, requestId),
  };
}

export const minutes = (count: number): number => count * 60_000;
