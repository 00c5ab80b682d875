/** Runs of ACR Tasks as JSON (api-version 2019-06-01-preview), and what we read of them. */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { BuildStatus } from '../../ports/images.ts';

const time = z.iso.datetime({ offset: true }).transform((text): EpochMs => Date.parse(text));

/** `Error` is a failure of the service, `Timeout` one of the run: either way there is no image. */
const statuses = {
  Queued: 'queued',
  Started: 'running',
  Running: 'running',
  Succeeded: 'succeeded',
  Failed: 'failed',
  Error: 'failed',
  Timeout: 'failed',
  Canceled: 'canceled',
} as const satisfies Record<string, BuildStatus>;

const runStatus = z.enum(['Queued', 'Started', 'Running', 'Succeeded', 'Failed', 'Error', 'Timeout', 'Canceled']);

export interface AcrRun {
  readonly runId: string;
  readonly status: BuildStatus;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly error?: string;
}

const run = z
  .object({
    properties: z.object({
      runId: z.string().min(1),
      status: runStatus,
      startTime: time.nullish(),
      finishTime: time.nullish(),
      runErrorMessage: z.string().nullish(),
    }),
  })
  .transform(
    ({ properties: { runId, status, startTime, finishTime, runErrorMessage } }): AcrRun => ({
      runId,
      status: statuses[status],
      ...defined({
        startedAt: startTime,
        finishedAt: finishTime,
        error: runErrorMessage ?? (status === 'Timeout' ? 'The run took longer than it may.' : undefined),
      }),
    }),
  );

/** Of the resource: what it is while it stands for no run yet. */
const provisioning = {
  Creating: 'queued',
  Updating: 'queued',
  Deleting: 'running',
  Failed: 'failed',
  Canceled: 'canceled',
} as const satisfies Record<string, BuildStatus>;

export interface AcrTaskRun {
  readonly name: string;
  /** Holds while there is no run. */
  readonly status: BuildStatus;
  readonly run?: AcrRun;
}

const taskRun = z
  .object({
    name: z.string().min(1),
    properties: z.object({
      provisioningState: z.enum(['Creating', 'Updating', 'Deleting', 'Failed', 'Canceled', 'Succeeded']),
      runResult: run.nullish(),
    }),
  })
  .refine(
    ({ properties }) => properties.provisioningState !== 'Succeeded' || properties.runResult != null,
    'it succeeded without a run',
  )
  .transform(({ name, properties: { provisioningState, runResult } }): AcrTaskRun => {
    const status = provisioningState === 'Succeeded' ? 'succeeded' : provisioning[provisioningState];
    return { name, status, ...defined({ run: runResult }) };
  });

export const acrWire = { run, taskRun, logLink: z.object({ logLink: z.string().min(1) }) } as const;

/** Rejects `unexpected`, naming the members that are not as known but never their values. */
export function readAcr<T>(schema: z.ZodType<T>, body: unknown, operation: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).slice(0, 5);
  throw new UpstreamError(
    { upstream: 'azureResourceManager', operation, kind: 'unexpected', detail: detail.join('; ') },
    { cause: parsed.error },
  );
}
