/** An agent's listener over HTTP, with real keys: signs assertions, unwraps the session key, decrypts messages. */
import {
  constants,
  createDecipheriv,
  createSign,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomUUID,
} from 'node:crypto';

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

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly jti: string;
  readonly nbf: number;
  readonly exp: number;
}

/** What an agent claims at this time (ms): itself, for five minutes. */
export function claimsOf(clientId: string, audience: string, now: number): Claims {
  const nbf = Math.floor(now / 1000);
  return { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), nbf, exp: nbf + 300 };
}

export function signed(claims: object, key: KeyObject, alg = 'RS256'): string {
  const text = `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`;
}

export function tokenForm(assertion: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
}

export function unwrapKey(key: KeyObject, value: string): Buffer {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  return privateDecrypt({ key, ...padding }, Buffer.from(value, 'base64'));
}

export function decrypted(aes: Buffer, message: { readonly iv: string; readonly body: string }): unknown {
  const decipher = createDecipheriv('aes-256-cbc', aes, Buffer.from(message.iv, 'base64'));
  const text = Buffer.concat([decipher.update(Buffer.from(message.body, 'base64')), decipher.final()]);
  return JSON.parse(text.toString('utf8'));
}
