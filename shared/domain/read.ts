import type { UpstreamErrorKind } from './errors.ts';

/** What an attempt to read gave: the value, or the reason why it is unknown. Unknown is never empty. */
export type Read<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly error: UpstreamErrorKind };

export const known = <T>(value: T): Read<T> => ({ known: true, value });
export const unknown = (error: UpstreamErrorKind): Read<never> => ({ known: false, error });
