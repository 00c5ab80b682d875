/** Lines that people can read and write on a control map: a head, then words, some of them `name=value`. */
import type { EpochMs } from './instant.ts';

export interface Words {
  readonly head: string;
  readonly words: ReadonlyMap<string, string>;
  /** Words without a name. */
  readonly rest: readonly string[];
}

/** undefined = there is nothing, or a name twice. */
export function parseLine(text: string): Words | undefined {
  const [head, ...others] = text.trim().split(/\s+/);
  if (head === undefined || head === '') return undefined;
  const rest = others.filter((word) => !word.includes('='));
  const named = others.filter((word) => word.includes('='));
  const words = new Map(named.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  return words.size === named.length ? { head, words, rest } : undefined;
}

const oneWord = (text: string): string => text.trim().replaceAll(/\s+/g, '_');

/** Values of more than one word become one: a line is read back as it was written. */
export function formatLine(head: string | undefined, words: Readonly<Record<string, string | undefined>>): string {
  const named = Object.entries(words).flatMap(([name, value]) =>
    value === undefined || value.trim() === '' ? [] : [`${name}=${oneWord(value)}`],
  );
  return [...(head === undefined ? [] : [head]), ...named].join(' ');
}

export const formatMoment = (at: EpochMs): string => new Date(at).toISOString();

/** As `formatMoment` writes it, or with less of it: 2026-11-21T10:00Z. */
export function parseMoment(text: string | undefined): EpochMs | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
