/** Tells when nobody waits for an answer any more. */
import type { Wire, WireContext } from './wire.ts';

/**
 * Calls `run` once when the caller hangs up or the server closes; the returned function takes it back. The closing
 * signal outlives every call, so listeners must not gather on it.
 */
export function onHangUp(c: WireContext, wire: Pick<Wire, 'closing'>, run: () => void): () => void {
  const signals = [c.req.raw.signal, wire.closing];
  if (signals.some((signal) => signal.aborted)) run();
  for (const signal of signals) signal.addEventListener('abort', run, { once: true });
  return () => {
    for (const signal of signals) signal.removeEventListener('abort', run);
  };
}
