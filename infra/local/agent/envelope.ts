/** What the server encrypts for one agent: the session key under its RSA key, messages under the session key. */
import { constants, createDecipheriv, type KeyObject, privateDecrypt } from 'node:crypto';

/** RSA-OAEP with SHA-1 (azure-pipelines-agent MessageListener.cs, GetMessageDecryptor). */
export function unwrapKey(key: KeyObject, value: string): Buffer {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  return privateDecrypt({ key, ...padding }, Buffer.from(value, 'base64'));
}

export interface Envelope {
  readonly iv: string;
  readonly body: string;
}

/** AES-256-CBC, PKCS7, JSON inside. */
export function decrypted(aes: Buffer, { iv, body }: Envelope): unknown {
  const decipher = createDecipheriv('aes-256-cbc', aes, Buffer.from(iv, 'base64'));
  const text = Buffer.concat([decipher.update(Buffer.from(body, 'base64')), decipher.final()]);
  return JSON.parse(text.toString('utf8').replace(/^\uFEFF/, ''));
}
