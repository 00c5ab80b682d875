/** Faults at the doors, drawn call by call until the weather clears. */
import type { Call, FaultKind, Faults } from '../world/faults.ts';
import type { Random } from '../world/random.ts';

type Target = Pick<Call, 'door' | 'caller' | 'verb' | 'target'>;

const isList = (call: Target): boolean => call.verb.startsWith('list');

function drawFault(random: Random, call: Target): FaultKind {
  const faults: readonly FaultKind[] = [
    { kind: 'status', status: 500 },
    { kind: 'status', status: 503 },
    { kind: 'status', status: 429, retryAfterSeconds: random.between(1, 20) },
    { kind: 'signInPage' },
    { kind: 'nullBody' },
    { kind: 'truncated' },
    { kind: 'slow', ms: random.between(1000, 25_000) },
    { kind: 'hang' },
    { kind: 'lostBefore' },
    { kind: 'lostAfter' },
    ...(isList(call) ? [{ kind: 'partial', keep: random.pick([0, 0.5, 0.9]) } as const] : []),
  ];
  return random.pick(faults);
}

/** The same `Faults` that scripts use, whose answer is drawn anew for every call. */
export function stormyFaults(base: Faults, random: Random, rate: number): { readonly faults: Faults; calm(): void } {
  let storm = true;
  const take = base.take.bind(base);
  base.take = (call) => take(call) ?? (storm && random.chance(rate) ? drawFault(random, call) : undefined);
  return {
    faults: base,
    calm: () => {
      storm = false;
    },
  };
}
