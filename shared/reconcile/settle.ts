/** Runs a small action and makes an outcome of it, whatever comes. */
import { errorKind, hasErrorKind } from '../domain/errors.ts';
import type { Action } from '../plan/plan.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';

export type ActionOf<K extends Action['kind']> = Extract<Action, { readonly kind: K }>;
export type Result = readonly [OutcomeKind, string?];

export async function settle(action: Action['kind'], subject: string, run: () => Promise<Result>): Promise<Outcome> {
  try {
    const [kind, detail] = await run();
    return { action, subject, kind, ...(detail === undefined ? {} : { detail }) };
  } catch (error) {
    return { action, subject, kind: 'failed', detail: errorKind(error), error };
  }
}

/** A `test` of the patch failed: somebody else was quicker, or the Job is another one. */
export const movedOn: Result = ['raced', 'the Job moved on'];

/** True when the Job is no longer as the patch wants it. */
export async function unlessMoved(patch: Promise<unknown>): Promise<boolean> {
  try {
    await patch;
    return false;
  } catch (error) {
    if (hasErrorKind(error, 'invalid', 'notFound')) return true;
    throw error;
  }
}
