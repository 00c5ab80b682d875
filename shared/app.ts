/**
 * The one place where Mayfly is put together, and the only one that reads the environment.
 *
 *   hook ------> receiver --(secrets)--> settings, then vault
 *                   \-----(messages)--> Service Bus
 *   sweep --------------(messages)--> Service Bus
 *   reconcile -> intent -> pass --> Azure DevOps, clusters --(follow-up)--> Service Bus
 *
 * Every part is made at its first use and loaded by import() then: a cold hook loads Service Bus and no other SDK. A
 * part that could not be made is tried again by the next caller; nothing stays broken for the life of the process.
 */
import { once } from './adapters/retry.ts';
import { systemClock } from './adapters/system.ts';
import { type App, createApp } from './application.ts';

export type { App };

export const getApp: () => Promise<App> = once(async () =>
  createApp({
    clock: systemClock,
    random: Math.random,
    hookSecrets: undefined,
    readHookSecrets: () => Promise.reject(new Error('not wired')),
    queue: () => Promise.reject(new Error('not wired')),
    pools: () => Promise.reject(new Error('not wired')),
    sweepPeriodMs: async () => 60_000,
  }),
);
