/** What goes on, in figures, for GET /state. */
import type { LocalSystem } from './localSystem.ts';

export function localState(
  system: Pick<LocalSystem, 'devOps' | 'pools' | 'ledger' | 'leftOvers'>,
): Readonly<Record<string, unknown>> {
  const { devOps, pools, ledger } = system;
  const left = system.leftOvers();
  const requests = [...ledger.requests.values()];
  return {
    pools: pools.map(({ id, name }) => {
      const agents = devOps.listAgents(id);
      const of = requests.filter(({ poolId }) => poolId === id);
      return {
        id,
        name,
        waiting: of.filter(({ receivedAt, finishedAt }) => (receivedAt ?? finishedAt) === undefined).length,
        running: of.filter((one) => one.receivedAt !== undefined && one.finishedAt === undefined).length,
        finished: of.filter(({ finishedAt }) => finishedAt !== undefined).length,
        agents: agents.map(({ name: agent, online, enabled, assignedRequestId }) => ({
          name: agent,
          online,
          enabled,
          ...(assignedRequestId !== undefined && { request: assignedRequestId }),
        })),
      };
    }),
    jobs: left.jobs,
    pods: left.pods,
    secrets: left.secrets.length,
  };
}
