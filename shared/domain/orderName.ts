/** Names that stand for a build order in places that limit length and letters. */
import { shortHash } from './hash.ts';

const hashLength = 8;

/**
 * Lower-case letters, digits and dashes, at most `maxLength` of them, always the same for the same key. What was cut
 * or replaced is told apart by a fingerprint at the end.
 */
export function orderName(key: string, maxLength: number): string {
  const slug = key
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const room = maxLength - 'mf-build-'.length - hashLength - 1;
  const head = slug.slice(0, room).replace(/-+$/, '');
  return `mf-build-${head === '' ? '' : `${head}-`}${shortHash(key, hashLength)}`;
}
