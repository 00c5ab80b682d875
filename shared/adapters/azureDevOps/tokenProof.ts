/**
 * Whether an organisation takes a personal access token: one read of the agent pools, which needs the very scope that
 * the control plane and registering agents need.
 */
import { z } from 'zod';
import { hasErrorKind } from '../../domain/errors.ts';
import { trimmed } from '../../domain/secret.ts';
import type { TokenProof } from '../../ports/tokens.ts';
import type { AzureDevOpsOptions } from './rest.ts';
import { azureDevOpsRest } from './rest.ts';
import { readWire } from './wire.ts';

export type TokenProofOptions = Omit<AzureDevOpsOptions, 'credential'>;

const pools = z.object({ count: z.number(), value: z.array(z.object({ id: z.number() })) });
const operation = 'proving a token';

/** `rejected` is 401, a redirect or a sign-in page. A 403 rejects: the token is known, the right is missing. */
export function azureDevOpsTokenProof(options: TokenProofOptions): TokenProof {
  return {
    prove: async (token) => {
      // An organisation with public projects answers some calls of nobody.
      if (trimmed(token).reveal() === '') return 'rejected';
      // A client of its own: one that is shared would put the token of one proof on the wire for another.
      const tokens = { getToken: () => Promise.resolve({ token, expiresAt: Number.POSITIVE_INFINITY }) };
      const rest = azureDevOpsRest({ ...options, credential: { kind: 'personalAccessToken', tokens } });
      const path = '_apis/distributedtask/pools';
      const query = { 'api-version': '7.1' };
      try {
        const answer = await rest.call({ operation, method: 'GET', path, query, repeatable: true });
        readWire(pools, answer.body, operation);
        return 'accepted';
      } catch (error) {
        if (hasErrorKind(error, 'unauthorized')) return 'rejected';
        throw error;
      }
    },
  };
}
