import { inProcessKubernetesApi } from '../../infra/local/kubernetes/inProcess.ts';
import { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { clusterContract } from './cluster.contract.ts';
import type { ClusterDoor } from './clusterDoor.ts';
import { clusterToldContract } from './clusterTold.contract.ts';
import { clusterTroubleContract } from './clusterTrouble.contract.ts';

function inProcess(): ClusterDoor {
  const namespace = 'agents';
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const world = new KubernetesWorld({ clock, random, namespaces: [namespace] });
  const faults = new Faults();
  const journal = new Journal();
  const door = 'kubernetes:primary';
  const api = inProcessKubernetesApi(world, { caller: 'control-plane', door, journal, faults, clock, random });
  return { world, clock, api, namespace, faults, journal };
}

clusterContract('in process', inProcess);
clusterToldContract('in process', inProcess);
clusterTroubleContract('in process', inProcess);
