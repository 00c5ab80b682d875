/** The members of a Job that tell of its agent. */
import { z } from 'zod';
import { agentJobPhases, type LostWork, reruns } from '../../domain/agentJob.ts';
import { defined } from '../../domain/defined.ts';
import { annotations, labels } from '../../domain/names.ts';
import type { ChosenParameters } from '../../domain/template.ts';
import { decimal, instant } from './instants.ts';

const parametersSchema = z.strictObject({
  cpu: z.string().optional(),
  memory: z.string().optional(),
  image: z.string().optional(),
});

/** What a request chose decides how large its pod is: an annotation that cannot be read is damage, not "nothing". */
const chosenParameters = z.string().transform((text, context): ChosenParameters => {
  const parsed = parametersSchema.safeParse(jsonOf(text));
  if (parsed.success) return defined(parsed.data);
  context.issues.push({ code: 'custom', message: 'no parameters', input: text });
  return z.NEVER;
});

const lostSchema = z.strictObject({
  requestId: z.int(),
  jobId: z.string(),
  at: z.int(),
  projectId: z.string().optional(),
  runId: z.int().optional(),
});

/** A note for people and for one rule: what cannot be read of it is as if it had not been written. */
const lostWork = z.string().transform((text): LostWork | undefined => {
  const parsed = lostSchema.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const { projectId, runId, ...required } = parsed.data;
  return { ...required, ...defined({ projectId, runId }) };
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const metadataSchema = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  creationTimestamp: instant,
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
});

export const jobSchema = z.object({
  spec: z.object({ suspend: z.boolean().nullish() }),
  status: z
    .object({
      completionTime: instant.nullish(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            lastTransitionTime: instant.nullish(),
          }),
        )
        .default([]),
    })
    .default({ conditions: [] }),
});

export const labelsSchema = z.object({
  [labels.installation]: z.string(),
  [labels.organisation]: z.string(),
  [labels.poolId]: decimal,
  [labels.template]: z.string(),
});

export const annotationsSchema = z.object({
  [annotations.phase]: z.enum(agentJobPhases),
  [annotations.phaseAt]: decimal.optional(),
  [annotations.creator]: z.string(),
  [annotations.createdAt]: decimal.optional(),
  [annotations.createBy]: decimal,
  [annotations.agentId]: decimal.optional(),
  [annotations.served]: decimal.optional(),
  [annotations.reason]: z.string().optional(),
  [annotations.detail]: z.string().optional(),
  [annotations.lost]: lostWork.optional(),
  [annotations.rerun]: z.enum(reruns).optional().catch(undefined),
  [annotations.overAge]: decimal.optional().catch(undefined),
  [annotations.image]: z.string().optional(),
  [annotations.candidate]: decimal.optional(),
  [annotations.parameters]: chosenParameters.optional(),
});

export type JobMetadata = z.infer<typeof metadataSchema>;
export type JobBody = z.infer<typeof jobSchema>;
export type JobNotes = z.infer<typeof annotationsSchema>;
