/** A small HTTP door for people: queue pipeline jobs, see what goes on. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { parseDemand } from '../../../shared/domain/demand.ts';
import type { JobSpec, QueuedJob } from '../azureDevOps/records.ts';

/** What a person asks for. */
const playSchema = z.strictObject({
  pool: z.string().min(1),
  count: z.int().min(1).max(500).default(1),
  demands: z
    .array(z.string().refine((text) => parseDemand(text) !== undefined, 'is no demand: name, or name -equals value'))
    .default([]),
  durationSeconds: z.number().min(0).max(3600).default(5),
});

export interface Played {
  readonly queued: readonly number[];
  readonly refused: readonly string[];
}

export interface PlayParts {
  readonly poolNames: readonly string[];
  readonly queueJob: (pool: string, spec: Omit<JobSpec, 'poolId'>) => QueuedJob;
  readonly state: () => unknown;
}

export interface PlayDoor {
  readonly port: number;
  close(): Promise<void>;
}

function queue(parts: PlayParts, play: z.output<typeof playSchema>): Played {
  const { pool, count, demands, durationSeconds } = play;
  const spec = { demands, durationMs: durationSeconds * 1000 };
  const results = Array.from({ length: count }, () => parts.queueJob(pool, spec));
  return {
    queued: results.flatMap((result) => (result.kind === 'queued' ? [result.requestId] : [])),
    refused: results.flatMap((result) => (result.kind === 'refused' ? [result.message] : [])),
  };
}

async function onJobs(c: Context, parts: PlayParts): Promise<Response> {
  const body: unknown = await c.req.json().catch(() => undefined);
  const parsed = playSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    return c.json({ error: `${where === '' ? 'The body' : where}: ${issue?.message ?? 'is not understood'}` }, 400);
  }
  const { pool } = parsed.data;
  if (!parts.poolNames.includes(pool)) {
    return c.json({ error: `There is no pool "${pool}". There are: ${parts.poolNames.join(', ')}.` }, 404);
  }
  return c.json(queue(parts, parsed.data), 201);
}

export async function startPlayDoor(parts: PlayParts, port: number): Promise<PlayDoor> {
  const app = new Hono();
  app.post('/jobs', (c) => onJobs(c, parts));
  app.get('/state', (c) => c.json(parts.state() as object));
  app.all('*', (c) => c.json({ error: 'There are POST /jobs and GET /state.' }, 404));
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
