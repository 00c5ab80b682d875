import { inProcessAgentPools } from '../../infra/local/azureDevOps/inProcess.ts';
import { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { agentPoolsContract } from './agentPools.contract.ts';

agentPoolsContract('in process', () => {
  const clock = new VirtualClock();
  const world = new AzureDevOpsWorld({ clock, random: seededRandom(1) });
  const faults = new Faults();
  const pools = inProcessAgentPools(world, { caller: 'control-plane', journal: new Journal(), faults, clock });
  return { world, pools, faults, advance: (ms) => clock.advance(ms) };
});
