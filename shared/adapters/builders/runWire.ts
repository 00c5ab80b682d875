/** Runs and builds of Azure Pipelines as JSON, and what we read of them. */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { BuildStatus } from '../../ports/images.ts';

const time = z.iso.datetime({ offset: true }).transform((text): EpochMs => Date.parse(text));
const id = z.number().int().positive();
const links = z.object({ web: z.object({ href: z.string() }).nullish() }).nullish();
const parameters = z.record(z.string(), z.unknown()).nullish();

/** Of azure-devops-node-api 17.0.1, BuildInterfaces. `cancelling` still runs: its steps get time to end. */
const statuses: Readonly<Record<string, BuildStatus>> = {
  none: 'queued',
  notStarted: 'queued',
  postponed: 'queued',
  inProgress: 'running',
  cancelling: 'running',
};

/**
 * `partiallySucceeded` is a step that failed and was allowed to: whoever wrote the pipeline meant it to go on. Whether
 * an image was pushed is seen in the registry, not here.
 */
const results: Readonly<Record<string, BuildStatus>> = {
  succeeded: 'succeeded',
  partiallySucceeded: 'succeeded',
  failed: 'failed',
  canceled: 'canceled',
};

function statusOf(status: string, result: string | null | undefined): BuildStatus | undefined {
  return status === 'completed' ? results[result ?? ''] : statuses[status];
}

export interface WireBuild {
  readonly id: number;
  readonly status: BuildStatus;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly url?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

const build = z
  .object({
    id,
    status: z.string(),
    result: z.string().nullish(),
    startTime: time.nullish(),
    finishTime: time.nullish(),
    templateParameters: parameters,
    _links: links,
  })
  .transform((wire, context): WireBuild => {
    const status = statusOf(wire.status, wire.result);
    if (status === undefined) {
      context.issues.push({ code: 'custom', message: 'an unknown state', input: wire.status });
      return z.NEVER;
    }
    return {
      id: wire.id,
      status,
      ...defined({
        startedAt: wire.startTime,
        finishedAt: wire.finishTime,
        url: wire._links?.web?.href,
        parameters: wire.templateParameters,
      }),
    };
  });

const run = z.object({ id, templateParameters: parameters, _links: links }).transform((wire) => ({
  id: wire.id,
  ...defined({ url: wire._links?.web?.href, parameters: wire.templateParameters }),
}));

const list = <T extends z.ZodType>(item: T) => z.object({ value: z.array(item) }).transform(({ value }) => value);

/** Of a timeline only what failed and where its log is. */
const timelineRecord = z.object({
  type: z.string().nullish(),
  name: z.string().nullish(),
  result: z.string().nullish(),
  finishTime: z.string().nullish(),
  log: z.object({ id }).nullish(),
  issues: z.array(z.object({ type: z.string().nullish(), message: z.string().nullish() })).nullish(),
});

export type TimelineRecord = z.infer<typeof timelineRecord>;

export const runWire = {
  build,
  builds: list(build),
  run,
  timeline: z.object({ records: z.array(timelineRecord) }).transform(({ records }) => records),
  logs: list(z.object({ id, lineCount: z.number().int().nonnegative().nullish() })),
  /** With `accept: application/json` a log comes as lines. */
  lines: list(z.string()),
} as const;
