/** A short stable fingerprint of a text: lower-case letters and digits. Not for secrets. FNV-1a, 64 bits. */
const offset = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;

export function hash64(text: string): bigint {
  let hash = offset;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime);
  }
  return hash;
}

/** `length` characters of [0-9a-z]. */
export function shortHash(text: string, length: number): string {
  return hash64(text).toString(36).padStart(13, '0').slice(-length);
}
