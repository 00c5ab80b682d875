/** The timeline of a run, read as its stages: a Job lies in a Phase, and that in a Stage (TimelineRecord.parentId). */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import type { RunStage } from '../../ports/runs.ts';
import { readWire } from './wire.ts';

const recordSchema = z.object({
  id: z.string(),
  parentId: z.string().nullish(),
  type: z.string().nullish(),
  name: z.string().nullish(),
  /** The same over attempts; of a stage its name in the YAML. */
  identifier: z.string().nullish(),
  state: z.string().nullish(),
  result: z.string().nullish(),
});
const timelineSchema = z.object({ records: z.array(recordSchema).nullish() });
type TimelineRecord = z.infer<typeof recordSchema>;

export function stagesOf(body: unknown, operation: string): readonly RunStage[] {
  const records = readWire(timelineSchema, body, operation).records ?? [];
  const byId = new Map(records.map((record) => [record.id, record]));
  const inStage = Map.groupBy(
    records.filter(({ type }) => type === 'Job'),
    (job) => stageIdOf(job, byId),
  );
  return records
    .filter(({ type }) => type === 'Stage')
    .map((stage) => ({
      name: stage.identifier ?? stage.name ?? '',
      state: states[stage.state ?? ''] ?? 'pending',
      ...defined({ result: resultOf(stage) }),
      jobs: (inStage.get(stage.id) ?? []).map(({ id, name }) => ({ jobId: id, name: name ?? '' })),
    }));
}

const states: Readonly<Record<string, RunStage['state']>> = { inProgress: 'running', completed: 'completed' };

/** `abandoned` is what a request whose agent fell silent ends as; a stage of such jobs can be retried like a failed one. */
const results: Readonly<Record<string, RunStage['result']>> = {
  succeeded: 'succeeded',
  succeededWithIssues: 'succeeded',
  failed: 'failed',
  abandoned: 'failed',
  canceled: 'canceled',
  skipped: 'skipped',
};

function resultOf({ result }: TimelineRecord): RunStage['result'] {
  return result == null ? undefined : (results[result] ?? 'other');
}

/** Bounded, lest records that are each other's parents are followed for ever. */
const maxDepth = 8;

function stageIdOf(job: TimelineRecord, byId: ReadonlyMap<string, TimelineRecord>): string | undefined {
  let record: TimelineRecord | undefined = job;
  for (let depth = 0; depth < maxDepth && record !== undefined; depth++) {
    if (record.type === 'Stage') return record.id;
    record = byId.get(record.parentId ?? '');
  }
  return undefined;
}
