/**
 * The encryption between pool and agent: a fresh AES key per session, wrapped for the agent's registered RSA key with
 * OAEP and SHA-1, and each message body under AES-CBC with its own IV (azure-pipelines-agent MessageListener.cs).
 */
import { constants, createCipheriv, publicEncrypt, randomBytes } from 'node:crypto';
import { type PublicKeyParts, publicKeyOf } from './assertion.ts';

export interface SessionKey {
  readonly aes: Buffer;
  /** What goes on the wire: the wrapped key in base64. */
  readonly wrapped: { readonly encrypted: true; readonly value: string };
}

export function createSessionKey(publicKey: PublicKeyParts): SessionKey {
  const aes = randomBytes(32);
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const value = publicEncrypt({ key: publicKeyOf(publicKey), ...padding }, aes).toString('base64');
  return { aes, wrapped: { encrypted: true, value } };
}

export interface EncryptedBody {
  readonly iv: string;
  readonly body: string;
}

/** AES-CBC with PKCS7 padding; IV and body in base64. */
export function encryptBody(aes: Buffer, body: string): EncryptedBody {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', aes, iv);
  const encrypted = Buffer.concat([cipher.update(body, 'utf8'), cipher.final()]);
  return { iv: iv.toString('base64'), body: encrypted.toString('base64') };
}
