/** The Job of an image build as far as it tells how the build goes. */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import type { BuildStatus } from '../../ports/images.ts';
import { instant } from '../kubernetes/instants.ts';
import type { PodObject } from '../kubernetes/podObject.ts';

const condition = z.object({
  type: z.string(),
  status: z.string(),
  message: z.string().nullish(),
  lastTransitionTime: instant.nullish(),
});

export const buildJobSchema = z
  .object({
    metadata: z.object({ name: z.string() }),
    spec: z.object({ suspend: z.boolean().nullish() }),
    status: z
      .object({ startTime: instant.nullish(), conditions: z.array(condition).default([]) })
      .default({ conditions: [] }),
  })
  .transform(({ metadata, spec, status: { startTime, conditions } }) => {
    const holds = (type: string) => conditions.find((each) => each.type === type && each.status === 'True');
    const [complete, failed] = [holds('Complete'), holds('Failed')];
    return {
      name: metadata.name,
      suspended: spec.suspend ?? false,
      end: complete === undefined ? failed && ('failed' as const) : ('succeeded' as const),
      ...defined({
        startedAt: startTime,
        finishedAt: (complete ?? failed)?.lastTransitionTime,
        failure: failed?.message,
      }),
    };
  });

export type BuildJob = z.infer<typeof buildJobSchema>;

/** A Job that is suspended without having ended was canceled: nobody else suspends one, and nobody resumes it. */
export function statusOf({ end, suspended }: BuildJob, pods: readonly PodObject[]): BuildStatus {
  if (end !== undefined) return end;
  if (suspended) return 'canceled';
  return pods.some(({ status }) => status.phase !== 'Pending') ? 'running' : 'queued';
}
