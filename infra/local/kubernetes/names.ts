/** Names and identities that the server makes up; all from the injected randomness. */
import type { Random } from '../world/random.ts';

/** No vowels and no look-alikes (k8s.io/apimachinery/pkg/util/rand). */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
const maxNameLength = 63;

export function randomSuffix(random: Random, length = suffixLength): string {
  let suffix = '';
  for (let index = 0; index < length; index++) suffix += alphabet[random.between(0, alphabet.length - 1)] ?? '';
  return suffix;
}

/** What generateName becomes: the base is cut so that base and suffix fit 63 characters. */
export function generatedName(random: Random, base: string): string {
  return base.slice(0, maxNameLength - suffixLength) + randomSuffix(random);
}

const hex = (random: Random, digits: number): string => {
  let out = '';
  for (let index = 0; index < digits; index++) out += random.between(0, 15).toString(16);
  return out;
};

/** A version 4 UUID. */
export function randomUid(random: Random): string {
  const variant = '89ab'[random.between(0, 3)] ?? '8';
  return `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-${variant}${hex(random, 3)}-${hex(random, 12)}`;
}
