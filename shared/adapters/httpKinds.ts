/** What HTTP statuses mean to every upstream alike; each adapter adds what is its own. */
import type { UpstreamErrorKind } from '../domain/errors.ts';

export const httpKinds: Readonly<Record<number, UpstreamErrorKind>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  409: 'conflict',
  429: 'throttled',
};
