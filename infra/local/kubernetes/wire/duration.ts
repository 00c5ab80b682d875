/** "2m5s", "3h", "4d1h": durations as kubectl prints them (k8s.io/apimachinery/pkg/util/duration). */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { text } from '../object.ts';

const part = (value: number, unit: string): string => (value === 0 ? '' : `${value}${unit}`);

interface Step {
  /** Below this many seconds. */
  readonly below: number;
  readonly print: (seconds: number) => string;
}

const minute = 60;
const hour = 3600;
const day = 24 * hour;
const year = 365 * day;

const steps: readonly Step[] = [
  { below: 2 * minute, print: (s) => `${s}s` },
  { below: 10 * minute, print: (s) => `${Math.floor(s / minute)}m${part(s % minute, 's')}` },
  { below: 3 * hour, print: (s) => `${Math.floor(s / minute)}m` },
  { below: 8 * hour, print: (s) => `${Math.floor(s / hour)}h${part(Math.floor((s % hour) / minute), 'm')}` },
  { below: 2 * day, print: (s) => `${Math.floor(s / hour)}h` },
  { below: 8 * day, print: (s) => `${Math.floor(s / day)}d${part(Math.floor((s % day) / hour), 'h')}` },
  { below: 2 * year, print: (s) => `${Math.floor(s / day)}d` },
  { below: 8 * year, print: (s) => `${Math.floor(s / year)}y${part(Math.floor((s % year) / day), 'd')}` },
];

export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  const step = steps.find((candidate) => seconds < candidate.below);
  return step?.print(seconds) ?? `${Math.floor(seconds / year)}y`;
}

export function since(timestamp: string | undefined, now: EpochMs): string {
  return timestamp === undefined ? '<unknown>' : humanDuration(now - Date.parse(timestamp));
}

export const age = (object: JsonObject, now: EpochMs): string =>
  since(text(object, 'metadata', 'creationTimestamp'), now);
