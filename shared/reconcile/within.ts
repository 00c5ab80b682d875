/** A bound on anything asynchronous: what takes longer is unknown, and whatever it still gives is ignored. */
import { type Upstream, UpstreamError } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';

export async function within<T>(
  clock: Clock,
  ms: number,
  { upstream, operation }: { readonly upstream: Upstream; readonly operation: string },
  work: Promise<T>,
): Promise<T> {
  const settled = new AbortController();
  const timeout = clock.sleep(ms, settled.signal).then((): never => {
    throw new UpstreamError({ upstream, operation, kind: 'timeout', detail: `not done within ${ms} ms` });
  });
  timeout.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    settled.abort();
  }
}
