/**
 * Ghosts do no harm but to be there, and each costs up to four calls of a limit that everything else shares. So they have a
 * budget of their own, and none at all while the server shows any sign of a limit: provisioning and what has finished come
 * first. What a call costs there nobody outside can compute, so the budget grows while all of it is used without a sign,
 * and a sign halves it. It is remembered per process; where several look after a pool each has its own, and signs stop all.
 */
import { type EpochMs, minutesMs } from '../domain/instant.ts';
import type { LookDeps } from './deps.ts';

/** Over which Azure DevOps counts (rate limits documentation, 2025-09). */
const windowMs = minutesMs(5);
/** In even parts: all at once would meet a limit that none of them alone would, and hold up the pass. */
const partMs = minutesMs(1);
/** Ghosts in a window. Ten are a fifth of the 200 units that an identity has, if a call were a whole unit. */
const [first, least, most] = [10, 4, 100];
const growth = 1.5;

/** By this machine's clock. */
export interface GhostMemory {
  readonly begunAt: readonly EpochMs[];
  readonly perWindow: number;
  /** When it grew last, or was first used. */
  readonly since: EpochMs;
  /** The end of the last sign that ghosts may have caused: from then on it grows in small steps. */
  readonly metUntil?: EpochMs;
}

type BudgetDeps = Pick<LookDeps, 'memory' | 'throttle' | 'clock'>;

/** True when no answer of a whole window asked to be left alone. */
const isCalm = ({ throttle, clock }: Pick<LookDeps, 'throttle' | 'clock'>): boolean =>
  clock.now() > (throttle?.until ?? Number.NEGATIVE_INFINITY) + windowMs;

const since = (begunAt: readonly EpochMs[], from: EpochMs): readonly EpochMs[] => begunAt.filter((at) => at > from);

/** Halved once for signs that follow each other. */
function afterSign(memory: GhostMemory, until: EpochMs): GhostMemory {
  const goesOn = memory.metUntil !== undefined && until <= memory.metUntil + windowMs;
  // A sign while none was begun is not of ghosts' making.
  if (!goesOn && memory.begunAt.length === 0) return memory;
  const perWindow = goesOn ? memory.perWindow : Math.max(least, Math.floor(memory.perWindow / 2));
  return { ...memory, perWindow, metUntil: until };
}

function afterCalm(memory: GhostMemory, now: EpochMs): GhostMemory {
  const { begunAt, perWindow, since: grownAt, metUntil } = memory;
  if (now - grownAt < windowMs || begunAt.length < perWindow - 1) return memory;
  const next = metUntil === undefined ? Math.ceil(perWindow * growth) : perWindow + 1;
  return { ...memory, perWindow: Math.min(most, next), since: now };
}

function presentMemory(deps: BudgetDeps): GhostMemory {
  const now = deps.clock.now();
  const kept = deps.memory.ghosts ?? { begunAt: [], perWindow: first, since: now };
  const memory = { ...kept, begunAt: since(kept.begunAt, now - windowMs) };
  return isCalm(deps) ? afterCalm(memory, now) : afterSign(memory, deps.throttle?.until ?? now);
}

/** How many ghosts a pass may begin with now. */
export function ghostBudget(deps: BudgetDeps & Pick<LookDeps, 'policy'>): number {
  const memory = presentMemory(deps);
  deps.memory.ghosts = memory;
  if (!isCalm(deps)) return 0;
  const { begunAt, perWindow } = memory;
  const part = Math.ceil((perWindow * partMs) / windowMs) - since(begunAt, deps.clock.now() - partMs).length;
  return Math.max(0, Math.min(deps.policy.maxGhostsPerPass, part, perWindow - begunAt.length));
}

/** Notes that one is begun; false = the server has shown a limit since the look. */
export function beginGhost(deps: BudgetDeps): boolean {
  if (!isCalm(deps)) return false;
  const { begunAt, ...memory } = presentMemory(deps);
  deps.memory.ghosts = { ...memory, begunAt: [...begunAt, deps.clock.now()] };
  return true;
}
