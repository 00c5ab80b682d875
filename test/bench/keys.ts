/** What an agent's key costs on this machine. */
import { rsaAgentKeys } from '../../shared/adapters/azureDevOps/agentKeys.ts';

export interface KeyCost {
  readonly elapsedMs: number;
  /** Of all cores together. */
  readonly cpuMs: number;
}

/** One after the other, while nothing else runs. */
export async function keyCosts(count: number): Promise<readonly KeyCost[]> {
  const keys = rsaAgentKeys();
  const costs: KeyCost[] = [];
  for (let made = 0; made < count; made++) {
    const [from, cpu] = [performance.now(), process.cpuUsage()];
    await keys.generate();
    const { user, system } = process.cpuUsage(cpu);
    costs.push({ elapsedMs: performance.now() - from, cpuMs: (user + system) / 1000 });
  }
  return costs;
}
