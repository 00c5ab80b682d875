/** Checks shared access signatures. Source: Service Bus documentation, "Shared Access Signatures". */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface AccessKey {
  readonly name: string;
  readonly value: string;
}

/** Undefined = the token holds; otherwise why it does not. `now` in ms. */
export function signatureProblem(token: string, key: AccessKey, now: number): string | undefined {
  const [scheme, fields = ''] = token.split(' ', 2);
  if (scheme !== 'SharedAccessSignature') return 'The token is not a shared access signature.';
  const parts = new Map(fields.split('&').map((field) => splitOnce(field)));
  if (parts.get('skn') !== key.name) return 'The key name is not known.';
  const expiry = parts.get('se') ?? '';
  if (!(Number(expiry) * 1000 > now)) return 'The token has expired.';
  const signed = createHmac('sha256', key.value)
    .update(`${parts.get('sr')}\n${expiry}`)
    .digest();
  const given = Buffer.from(decodeURIComponent(parts.get('sig') ?? ''), 'base64');
  return given.length === signed.length && timingSafeEqual(given, signed)
    ? undefined
    : 'The signature does not fit the key.';
}

function splitOnce(field: string): readonly [string, string] {
  const at = field.indexOf('=');
  return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
}
