/**
 * The init container of `initConfig` as a workload: it registers the agent of its Job under the Job's name, without
 * replacing another, and leaves the agent's files where the main container finds them.
 */
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import { list, record } from '../kubernetes/object.ts';
import type { ContainerContext } from '../kubernetes/podStory.ts';

/** Exit codes of the real entrypoint (docs/agent-image.md). */
const exit = { done: 0, nameExists: 30, refused: 31, unreachable: 32 } as const;

/** How long config.sh takes, in ms. */
const registrationMs = 4000;
const anyKey = { exponent: 'AQAB', modulus: 'AA' };

function argumentsOf({ pod, container: name }: ContainerContext): ReadonlyMap<string, string> {
  const container = list(pod, 'spec', 'initContainers').find((each) => record(each)['name'] === name);
  const words = list(record(container), 'args').map(String);
  return new Map(
    words.flatMap((word, index) => (word.startsWith('--') ? [[word.slice(2), words[index + 1] ?? '']] : [])),
  );
}

/** The exit code of the container. */
export async function registerInPod(world: AzureDevOpsWorld, context: ContainerContext): Promise<number> {
  const given = argumentsOf(context);
  const [agentName = '', poolName = ''] = [given.get('agent'), given.get('pool')];
  const files = context.readSecretFiles('registration');
  if ((files['token'] ?? '') === '') return exit.refused;
  await context.clock.sleep(registrationMs, context.killed).catch(() => undefined);
  if (context.killed.aborted) return exit.unreachable;
  const pool = world.listPools(poolName)[0];
  if (pool === undefined) return exit.unreachable;
  try {
    const agent = world.addAgent(pool.id, { name: agentName, version: '5.278.0', publicKey: anyKey }, 'init container');
    const settings = { agentId: agent.id, agentName, poolId: pool.id };
    context.scratch.set('.agent', JSON.stringify(settings));
    context.scratch.set('.capabilities', files['.capabilities'] ?? '');
    return exit.done;
  } catch {
    return exit.nameExists;
  }
}
