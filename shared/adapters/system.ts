/** The machine's own clock and randomness: the only place where shared code reads either. */
import { randomUUID } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import type { Clock, Nonces } from '../ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => after(ms, undefined, signal === undefined ? {} : { signal }),
};

export const randomNonces: Nonces = { next: () => randomUUID() };
