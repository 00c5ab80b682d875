import type { UpstreamErrorKind } from './errors.ts';

/** What an attempt to read gave: the value, or the reason why it is unknown. Unknown is never empty. */
export type Read<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly error: UpstreamErrorKind };

/**
 * An optional read: what it gave, or else what it gave last in this process. Without either the value is undefined and
 * a configured default holds. The error stays visible, so that living on memory raises an alarm.
 */
export interface Remembered<T> {
  readonly value: T | undefined;
  readonly error?: UpstreamErrorKind;
}

export const known = <T>(value: T): Read<T> => ({ known: true, value });
export const unknown = (error: UpstreamErrorKind): Read<never> => ({ known: false, error });
