import { inProcessKubernetesApi } from '../../infra/local/kubernetes/inProcess.ts';
import { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { clusterSecretsContract } from './clusterSecrets.contract.ts';

clusterSecretsContract('in process', () => {
  const namespace = 'agents';
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const world = new KubernetesWorld({ clock, random, namespaces: [namespace] });
  const faults = new Faults();
  const journal = new Journal();
  const door = { door: 'kubernetes:primary', clock, random };
  const api = inProcessKubernetesApi(world, { ...door, caller: 'control-plane', journal, faults });
  const admin = inProcessKubernetesApi(world, { ...door, caller: 'admin', journal, faults: new Faults() });
  return { world, api, admin, namespace, faults, journal };
});
