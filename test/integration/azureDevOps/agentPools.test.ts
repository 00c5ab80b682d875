/** The contract of AgentPools at the other door: our adapter and the vendor's client against the server. */
import { azureDevOpsPools } from '../../../shared/adapters/azureDevOps/pools.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { Clock } from '../../../shared/ports.ts';
import { agentPoolsContract } from '../../contract/agentPools.contract.ts';
import { startTestAzureDevOps } from '../../support/azureDevOpsServer.ts';

agentPoolsContract('over HTTP', async () => {
  const { world, clock, server, faults, pat } = await startTestAzureDevOps();
  // The pauses between repetitions take no time here.
  const impatient: Clock = { now: () => clock.now(), sleep: () => Promise.resolve() };
  const tokens = { getToken: async () => ({ token: new Secret(pat), expiresAt: Number.POSITIVE_INFINITY }) };
  const pools = azureDevOpsPools({
    organisationUrl: server.url,
    credential: { kind: 'personalAccessToken', tokens },
    clock: impatient,
    timeoutMs: 2_000,
  });
  return { world, pools, faults, advance: (ms) => clock.advance(ms), close: () => server.close() };
});
