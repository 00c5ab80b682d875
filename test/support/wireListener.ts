/** An agent's listener over HTTP, with real keys: signs assertions, unwraps the session key, decrypts messages. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export { type Claims, claimsOf, signed, tokenForm } from '../../infra/local/agent/assertion.ts';
export { decrypted, unwrapKey } from '../../infra/local/agent/envelope.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** As it stands in a registration: standard base64. */
  readonly publicKey: { readonly exponent: string; readonly modulus: string };
}

const standard = (base64url: string | undefined): string =>
  Buffer.from(base64url ?? '', 'base64url').toString('base64');

export function aKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  return { privateKey, publicKey: { exponent: standard(e), modulus: standard(n) } };
}
