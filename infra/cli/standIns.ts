/**
 * npm run stand-ins     everything that surrounds the functions, for `func start` beside it
 *
 * The settings of local.settings.sample.json are those of the default ports.
 */
import { Command } from 'commander';
import pc from 'picocolors';
import { type LocalSystem, startLocalSystem } from '../local/start/localSystem.ts';
import { defaultPortBase } from '../local/start/ports.ts';
import { complain, interruption, leave, portBaseOption, say } from './localCommand.ts';
import { hints, tellStory } from './story.ts';

const { portBase } = new Command('stand-ins')
  .description('Starts Azure DevOps, Kubernetes, Service Bus, managed identity and Key Vault on this machine.')
  .addOption(portBaseOption())
  .parse()
  .opts<{ portBase: number }>();

function explain(system: LocalSystem): void {
  const { functions } = system.ports;
  say(`${pc.bold('The stand-ins are up.')} They ring the hook at http://127.0.0.1:${functions}. In another terminal:`);
  say();
  say('  npm run build && cp local.settings.sample.json local.settings.json && func start');
  say(pc.dim('  Core Tools keep the times of timers in a storage account: run Azurite as well.'));
  if (portBase !== defaultPortBase) {
    say(
      `  (with these ports: put the numbers from ${portBase} on into local.settings.json, and add --port ${functions})`,
    );
  }
  say();
  say(hints(system));
}

const interrupted = interruption();
try {
  const system = await startLocalSystem({ portBase, host: false });
  explain(system);
  interrupted.addEventListener('abort', tellStory(system), { once: true });
  interrupted.addEventListener('abort', () => void leave(0, () => system.close()), { once: true });
} catch (error) {
  complain(error);
  process.exit(1);
}
