import { inProcessPersonalTokens, inProcessTokenProof } from '../../infra/local/azureDevOps/inProcessTokens.ts';
import { PersonalTokenWorld } from '../../infra/local/azureDevOps/personalTokenWorld.ts';
import { administrator, TokenRegistry } from '../../infra/local/azureDevOps/wire/tokens.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { personalTokensContract } from './personalTokens.contract.ts';

personalTokensContract('in process', () => {
  const clock = new VirtualClock();
  const faults = new Faults();
  const tokens = new TokenRegistry();
  const world = new PersonalTokenWorld({ now: () => clock.now(), tokens });
  const options = { caller: 'control-plane', journal: new Journal(), faults, clock };
  const user = { kind: 'user', name: 'service-user', rights: administrator } as const;
  return {
    world,
    tokens: inProcessPersonalTokens(world, { ...options, user: () => user }),
    signedOut: inProcessPersonalTokens(world, { ...options, user: () => undefined }),
    proof: inProcessTokenProof(tokens, options),
    faults,
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
  };
});
