import { inProcessTokenVault } from '../../infra/local/azure/inProcessVault.ts';
import { VaultWorld } from '../../infra/local/azure/vaultWorld.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { tokenVaultContract } from './tokenVault.contract.ts';

tokenVaultContract('in process', () => {
  const clock = new VirtualClock();
  const faults = new Faults();
  const world = new VaultWorld({ now: () => clock.now() });
  const vault = inProcessTokenVault(world, { caller: 'control-plane', journal: new Journal(), faults, clock });
  const callsOf =
    (method: string) =>
    ({ verb }: { readonly verb: string }): boolean =>
      verb === method;
  return { world, vault, faults, callsOf, now: () => clock.now(), advance: (ms) => clock.advance(ms) };
});
