/** The members of a Job that tell of its agent. */
import { z } from 'zod';
import { agentJobPhases } from '../../domain/agentJob.ts';
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
  [annotations.image]: z.string().optional(),
  [annotations.parameters]: chosenParameters.optional(),
});

export type JobMetadata = z.infer<typeof metadataSchema>;
export type JobBody = z.infer<typeof jobSchema>;
export type JobNotes = z.infer<typeof annotationsSchema>;
