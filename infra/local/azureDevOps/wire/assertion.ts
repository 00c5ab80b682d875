/**
 * The signed statement with which an agent asks for its own token: client credentials with a JWT bearer assertion
 * (RFC 7521, RFC 7523), RS256 over the key whose public half was registered. The agent signs with its own clock and a
 * life of five minutes (azure-pipelines-agent, docs/design/auth.md), so a pod whose clock is off is refused.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type EpochMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject } from '../../../../shared/domain/json.ts';

export interface PublicKeyParts {
  /** Standard base64 of the big-endian bytes. */
  readonly exponent: string;
  readonly modulus: string;
}

/** Who a client id stands for, as far as the check needs it. */
export interface AssertionIssuer {
  readonly publicKey: PublicKeyParts;
  /** The token endpoint as it was told to the agent at registration. */
  readonly authorizationUrl: string;
}

export type AssertionVerdict =
  | { readonly ok: true; readonly clientId: string }
  | { readonly ok: false; readonly error: 'invalid_request' | 'invalid_client'; readonly description: string };

/** The longest life of an assertion (RUNNER VssSigningCredentials.cs: nbf = now, exp = now + 5 min). */
const assertionLifeMs = minutesMs(5);

const base64ToUrl = (text: string): string => Buffer.from(text, 'base64').toString('base64url');

export function publicKeyOf(parts: PublicKeyParts): KeyObject {
  const jwk = { kty: 'RSA', n: base64ToUrl(parts.modulus), e: base64ToUrl(parts.exponent) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

const refused = (description: string): AssertionVerdict => ({ ok: false, error: 'invalid_client', description });

interface ParsedAssertion {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: string;
  readonly signature: Buffer;
}

function decoded(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parse(assertion: string): ParsedAssertion | undefined {
  const [head = '', body = '', signature = '', ...rest] = assertion.split('.');
  const header = decoded(head);
  const claims = decoded(body);
  if (rest.length > 0 || signature === '' || header === undefined || claims === undefined) return undefined;
  return { header, claims, signed: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') };
}

/** What is wrong with the times of an assertion; undefined = nothing. JWT times are in seconds. */
function timeProblem(claims: JsonObject, now: EpochMs): string | undefined {
  const { nbf, exp } = claims;
  if (typeof nbf !== 'number' || typeof exp !== 'number') return 'The assertion carries no nbf or no exp.';
  if (nbf * 1000 > now) return 'The assertion is not valid yet.';
  if (exp * 1000 <= now) return 'The assertion has expired.';
  return (exp - nbf) * 1000 > assertionLifeMs ? 'The assertion lives longer than five minutes.' : undefined;
}

/** Checks assertions for one token endpoint and remembers which ids it has seen. */
export class AssertionVerifier {
  readonly #usedIds = new Map<string, EpochMs>();

  /** `issuer` looks a client id up; undefined = nobody (or an agent that is gone). */
  verify(assertion: string, issuer: (clientId: string) => AssertionIssuer | undefined, now: EpochMs): AssertionVerdict {
    const parsed = parse(assertion);
    if (parsed === undefined) {
      return { ok: false, error: 'invalid_request', description: 'The client assertion is not a JWT.' };
    }
    const clientId = parsed.claims['iss'];
    const known = typeof clientId === 'string' ? issuer(clientId) : undefined;
    if (typeof clientId !== 'string' || known === undefined) return refused('The client is not known.');
    const problem = identityProblem(parsed, clientId, known) ?? timeProblem(parsed.claims, now);
    if (problem !== undefined) return refused(problem);
    return this.#firstUse(parsed.claims, now) ? { ok: true, clientId } : refused('The assertion was used before.');
  }

  #firstUse(claims: JsonObject, now: EpochMs): boolean {
    const id = claims['jti'];
    if (typeof id !== 'string' || id === '' || this.#usedIds.has(id)) return false;
    for (const [used, until] of this.#usedIds) {
      if (until <= now) this.#usedIds.delete(used);
    }
    this.#usedIds.set(id, now + assertionLifeMs);
    return true;
  }
}

function identityProblem(parsed: ParsedAssertion, clientId: string, known: AssertionIssuer): string | undefined {
  if (parsed.header['alg'] !== 'RS256') return 'The assertion is not signed with RS256.';
  if (!verify('RSA-SHA256', Buffer.from(parsed.signed), publicKeyOf(known.publicKey), parsed.signature)) {
    return 'The signature does not match the registered public key.';
  }
  if (parsed.claims['sub'] !== clientId) return 'Subject and issuer of the assertion differ.';
  return parsed.claims['aud'] === known.authorizationUrl ? undefined : 'The assertion is meant for another audience.';
}
