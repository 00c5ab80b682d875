/** A foreign agent: no pod, no single use. It takes one job after the other for as long as the history lasts. */
import type { Capabilities } from '../../../shared/domain/agent.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { WorldClock } from '../world/clock.ts';

export async function serve(
  world: AzureDevOpsWorld,
  clock: WorldClock,
  poolId: number,
  agentId: number,
  capabilities: Capabilities,
): Promise<never> {
  const session = world.openSession(poolId, agentId, { ownerName: 'build server', capabilities, attached: true });
  for (;;) {
    const message = await new Promise<Parameters<Parameters<typeof world.onMessage>[1]>[0]>((resolve) => {
      const stop = world.onMessage(session.id, (next) => {
        resolve(next);
        queueMicrotask(() => stop());
      });
    });
    world.deleteMessage(session.id, message.messageId);
    if (message.messageType !== 'PipelineAgentJobRequest') continue;
    await clock.sleep(message.durationMs);
    world.completeRequest(poolId, message.requestId, 'succeeded');
  }
}
