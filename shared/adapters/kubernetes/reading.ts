/** What every reading of a Kubernetes object does when the object, or the answer, is not the one it hoped for. */
import type { z } from 'zod';
import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';

/** Rejects `unexpected` where the object is not of this form. */
export function parsed<T>(schema: z.ZodType<T>, operation: string, object: unknown): T {
  const result = schema.safeParse(object);
  if (result.success) return result.data;
  throw unreadable(operation, result.error);
}

export function unreadable(operation: string, error: z.ZodError): UpstreamError {
  return new UpstreamError(
    { upstream: 'kubernetes', operation, kind: 'unexpected', detail: issues(error) },
    { cause: error },
  );
}

/** Paths and rules only: a value may be a secret. */
export function issues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}

/** `value` where the call rejects with this kind. */
export async function unlessKind<T, V>(kind: UpstreamErrorKind, value: V, call: Promise<T>): Promise<T | V> {
  try {
    return await call;
  } catch (error) {
    if (hasErrorKind(error, kind)) return value;
    throw error;
  }
}
