/** The times and counts of a pool and their defaults; what each means is told at PoolPolicy. */
import { z } from 'zod';
import { count, duration, durationWithin } from './fields.ts';

const boot = z.strictObject({
  none: duration('2m').describe('Nothing known is wrong.'),
  noPod: duration('2m'),
  quota: duration('10m').describe('A quota frees itself: waiting is cheaper than a second attempt.'),
  admission: duration('1m').describe('A policy that refused once refuses again.'),
  unschedulable: duration('10m').describe('A new node takes one to four minutes, a scarce size longer.'),
  pulling: duration('10m'),
  imagePull: duration('5m').describe('Pulling has failed and is being retried.'),
  init: duration('5m'),
  mount: duration('5m'),
  connecting: duration('3m').describe('From the start of the main container to the first session.'),
});

const backoff = z.strictObject({
  first: duration('30s'),
  maximum: duration('15m'),
  breakerFailures: count(1, 100).default(3),
  breakerWindow: duration('15m'),
  breakerProbe: duration('5m'),
});

const keepFailed = z.strictObject({
  for: duration('6h', '0s', '20h').describe('Kubernetes removes a Job a day after it ended, whatever is said here.'),
  most: count(0, 50).default(5).describe('Of a pool in each cluster; the newest are kept.'),
});

export const runsSchema = z
  .strictObject({
    tellAfter: duration('2m').describe('A request that can never be served puts a tag on its run after this.'),
    cancelAfter: durationWithin('1m', '24h')
      .exactOptional()
      .describe('And has its run cancelled after this; default: never.'),
    rerunLost: z
      .boolean()
      .default(false)
      .describe('Runs what was lost with its pod again, once: the failed jobs of its stage.'),
  })
  .prefault({});

export const limitsSchema = z
  .strictObject({
    assignmentGrace: duration('3m').describe('An assigned request is taken for this long.'),
    createBy: duration('120s', '30s').describe('After it, anyone may roll a creation back.'),
    idleMinimum: duration('60s').describe('A younger idle agent is never surplus.'),
    endGrace: duration('2m').describe('For a pod to end by itself once its agent is deleted.'),
    ghostGrace: duration('10m', '1m').describe('For a registered agent without an agent job.'),
    notAssignedGrace: duration('60s', '20s').describe('For the server to assign a request to an idle, capable agent.'),
    maxCreationsPerPass: count(1, 50).default(50),
    maxGhostsPerPass: count(0, 100).default(10),
    keepFailed: keepFailed.prefault({}),
    maxJobAge: duration('24h', '10m', '720h').describe('A pipeline job that runs longer raises an alarm.'),
    endHung: z.boolean().default(false).describe('Ends such a pod, and one whose agent renews its lease no more.'),
    boot: boot.prefault({}),
    backoff: backoff.prefault({}),
  })
  .prefault({});
