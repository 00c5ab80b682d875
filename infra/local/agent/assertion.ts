/**
 * The agent's signature: the statement it exchanges for a token (RFC 7523, RS256), valid for five minutes by its own
 * clock (actions/runner VssSigningCredentials.cs, the public sibling of the agent's client).
 */
import { createSign, type KeyObject, randomUUID } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly jti: string;
  /** Seconds, as all JWT times. */
  readonly nbf: number;
  readonly exp: number;
}

const lifeSeconds = 300;

export function claimsOf(clientId: string, audience: string, now: EpochMs): Claims {
  const nbf = Math.floor(now / 1000);
  return { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), nbf, exp: nbf + lifeSeconds };
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signed(claims: object, key: KeyObject, alg = 'RS256'): string {
  const text = `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`;
}

/** The body of a token request. */
export function tokenForm(assertion: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
}
