/** What came of an action. A decision not to act further is an outcome, not an error. */
import type { ActionKind } from '../plan/plan.ts';

export const outcomeKinds = [
  /** Done, and nothing is left to do for it. */
  'done',
  /** Somebody else did it, or was there first. Served nobody: observe again. */
  'raced',
  /** Undone without a trace but its burnt number. */
  'undone',
  /** A step was taken or awaited; the next sweep goes on. */
  'waiting',
  /** Nothing is known of the last step: touch nothing, the sweeps decide. */
  'uncertain',
  /** It failed before it had any effect. */
  'failed',
  /** The pass's time was up before it began. */
  'postponed',
  /** The pool is in shadow mode: planned, and nothing touched. */
  'shadowed',
] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

export interface Outcome {
  readonly action: ActionKind;
  readonly subject: string;
  readonly kind: OutcomeKind;
  readonly detail?: string;
  readonly error?: unknown;
}
