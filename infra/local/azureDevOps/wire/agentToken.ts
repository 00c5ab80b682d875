/**
 * The token endpoint of agents: RFC 6749 client credentials with a signed assertion. A refusal is 400 with `error`
 * and `error_description`; the agent looks at both (azure-pipelines-agent MessageListener.cs tells clock skew by it).
 */
import { randomUUID } from 'node:crypto';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { type AssertionIssuer, AssertionVerifier } from './assertion.ts';
import type { Wire, WireApp } from './wire.ts';

/** A listener's token lives about 50 min (azure-pipelines-agent#1737). */
const lifeMs = minutesMs(50);

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export const tokenPath = '/_apis/oauth2/token';

export function agentTokenRoutes(app: WireApp, wire: Wire): void {
  const verifier = new AssertionVerifier();
  const { world, tokens, clock } = wire;

  const issuer = (clientId: string): AssertionIssuer | undefined => {
    const publicKey = world.findAgentByClientId(clientId)?.publicKey;
    return publicKey && { publicKey, authorizationUrl: world.organisation.authorizationUrl };
  };

  app.post(tokenPath, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    if (form.get('grant_type') !== 'client_credentials' || form.get('client_assertion_type') !== assertionType) {
      return c.json({ error: 'unsupported_grant_type', error_description: 'Only client assertions are taken.' }, 400);
    }
    const verdict = verifier.verify(form.get('client_assertion') ?? '', issuer, world.now());
    if (!verdict.ok) return c.json({ error: verdict.error, error_description: verdict.description }, 400);
    const agent = world.findAgentByClientId(verdict.clientId);
    if (agent === undefined) return c.json({ error: 'invalid_client', error_description: 'Gone.' }, 400);
    const token = randomUUID();
    const identity = { kind: 'agent', name: agent.name, poolId: agent.poolId, agentId: agent.id } as const;
    tokens.add({ token, kind: 'agent', identity, expiresAt: clock.now() + lifeMs });
    return c.json({ access_token: token, token_type: 'jwt', expires_in: lifeMs / 1000 });
  });
}
