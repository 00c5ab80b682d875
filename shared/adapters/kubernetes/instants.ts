import { z } from 'zod';
import type { EpochMs } from '../../domain/instant.ts';

/** An RFC 3339 time of the Kubernetes API, as epoch ms. */
export const instant = z.string().transform((text, context): EpochMs => {
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  context.issues.push({ code: 'custom', message: 'no time', input: text });
  return z.NEVER;
});

/** Epoch ms or an id in an annotation: decimal digits and nothing else. */
export const decimal = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number)
  .pipe(z.number().int());
