import { inProcessPipelineRuns } from '../../infra/local/azureDevOps/inProcessRuns.ts';
import { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { pipelineRunsContract } from './pipelineRuns.contract.ts';

pipelineRunsContract('in process', () => {
  const clock = new VirtualClock();
  const world = new AzureDevOpsWorld({ clock, random: seededRandom(1) });
  const [faults, journal] = [new Faults(), new Journal()];
  const runs = inProcessPipelineRuns(world, { caller: 'control-plane', journal, faults, clock });
  return { world, runs, faults, journal, advance: (ms) => clock.advance(ms) };
});
