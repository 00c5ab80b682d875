/** The pools adapter against a scripted server, and bodies as the server sends them. */
import { afterEach, beforeEach } from 'vitest';
import { azureDevOpsPools } from '../../../../shared/adapters/azureDevOps/pools.ts';
import type { AzureDevOpsOptions } from '../../../../shared/adapters/azureDevOps/rest.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { AgentPools } from '../../../../shared/ports.ts';
import type { TheServer } from '../theServer.ts';
import { impatientClock, startServer } from '../theServer.ts';

export const token = 'the-token-itself';
export const agent = { id: 5, name: 'mf-a', version: '4.250.0', enabled: true, status: 'offline' };
export const exception = (typeKey: string) => ({ $id: '1', message: 'words', typeKey, errorCode: 0, eventId: 3000 });
export const listOf = (...value: readonly unknown[]) => ({ count: value.length, value });
export const html = '<html><title>Azure DevOps Services | Sign In</title></html>';

export interface Fixture {
  readonly server: TheServer;
  readonly clock: ReturnType<typeof impatientClock>;
  readonly thePools: (changes?: Partial<AzureDevOpsOptions>) => AgentPools;
}

/** A server for each test of the file. */
export function useServer(): { current: () => Fixture } {
  let fixture: Fixture | undefined;
  beforeEach(async () => {
    const server = await startServer();
    const clock = impatientClock();
    const tokens = { getToken: () => Promise.resolve({ token: new Secret(`${token}\n`), expiresAt: 0 }) };
    const thePools = (changes: Partial<AzureDevOpsOptions> = {}): AgentPools =>
      azureDevOpsPools({
        organisationUrl: `${server.url}/contoso/`,
        credential: { kind: 'bearer', tokens },
        timeoutMs: 2000,
        clock,
        retry: { jitter: () => 0 },
        ...changes,
      });
    fixture = { server, clock, thePools };
  });
  afterEach(() => fixture?.server[Symbol.asyncDispose]());
  return {
    current: () => {
      if (fixture === undefined) throw new Error('used outside a test');
      return fixture;
    },
  };
}
