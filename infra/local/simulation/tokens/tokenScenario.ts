/** What a seed draws: who rotates when, what people do, what breaks and for how long. */
import { hoursMs, minutesMs, secondsMs } from '../../../../shared/domain/instant.ts';
import type { TokenCopy } from '../../../../shared/domain/token.ts';
import type { Random } from '../../world/random.ts';

/** A rotation on demand. Each delivery reaches some control plane; the second must not rotate again. */
export interface Asking {
  readonly atMs: number;
  readonly deliveries: readonly number[];
}

export interface Outage {
  readonly door: string;
  readonly atMs: number;
  readonly forMs: number;
  readonly kind: 'unavailable' | 'throttled' | 'unauthorized';
}

/** What people do to a token by hand. */
export type DeedKind =
  /** Puts a new PAT of their own into the vault, with the id under which it can be revoked. */
  | 'putsTagged'
  | 'putsUntagged'
  /** Puts a value into the vault that Azure DevOps does not take. */
  | 'putsBroken'
  /** Stores an older version that still works once more, tags and all. */
  | 'restores'
  /** The same without the tags that tell which PAT it is. */
  | 'restoresUntagged'
  /** Writes an older value that still works into a cluster. */
  | 'editsCopy'
  /** Deletes the secret, which is recovered at the latest when nobody does anything any more. */
  | 'deletes'
  | 'recovers'
  /** For good, if it was deleted. */
  | 'purges'
  /** Takes rights away from the vault's PAT: it is listed and no longer accepted. */
  | 'suspends';

export interface Deed {
  readonly atMs: number;
  readonly what: DeedKind;
}

export interface TokenScenario {
  readonly seed: number;
  readonly mode: 'rotate' | 'watch';
  readonly planes: number;
  readonly copies: readonly TokenCopy[];
  readonly latencyMs: number;
  readonly periodMs: number;
  readonly graceMs: number;
  readonly lifetimeMs: number;
  readonly maxLifespanMs: number;
  /** A new PAT is accepted only after this time. */
  readonly lagMs: number;
  readonly asked: readonly Asking[];
  readonly deeds: readonly Deed[];
  readonly outages: readonly Outage[];
  /** A policy forbids new PATs for a while. */
  readonly refusal: { readonly atMs: number; readonly forMs: number } | undefined;
  readonly faultRate: number;
  readonly deaths: readonly number[];
  readonly skew: { readonly server: number; readonly vault: number; readonly planes: number };
  /** False = nobody is signed in, in watch mode. */
  readonly signedIn: boolean;
  /** From here on nothing breaks and nobody does anything. */
  readonly calmAtMs: number;
}

const doors = ['keyVault', 'personalTokens', 'azureDevOps', 'kubernetes:east', 'kubernetes:west'];
const calmAtMs = hoursMs(2);

const drawCopies = (random: Random): readonly TokenCopy[] => {
  const copies = [
    { cluster: 'east', secret: 'agent-token', key: 'token' },
    { cluster: 'west', secret: 'agent-token', key: 'token' },
    { cluster: 'west', secret: 'build-token', key: 'pat' },
  ];
  return copies.slice(0, random.between(1, copies.length));
};

const many = <T>(random: Random, most: number, draw: () => T): readonly T[] =>
  Array.from({ length: random.between(0, most) }, draw);

function drawAsked(random: Random): readonly Asking[] {
  return many(random, 3, () => {
    const atMs = random.between(0, calmAtMs);
    const again = random.pick([0, random.between(0, 3000), random.between(0, 60_000)]);
    return { atMs, deliveries: random.chance(0.5) ? [0] : [0, again] };
  });
}

/** Two whole rotations within seconds of each other: every interleaving of their calls that the delays make. */
function drawTwins(random: Random, latencyMs: number): readonly Asking[] {
  const atMs = random.between(0, calmAtMs);
  const between = random.pick([0, latencyMs, latencyMs * 10]);
  return [
    { atMs, deliveries: [0] },
    { atMs: atMs + random.between(0, between), deliveries: [0] },
  ];
}

function drawOutage(random: Random): Outage {
  return {
    door: random.pick(doors),
    atMs: random.between(0, calmAtMs - minutesMs(30)),
    forMs: random.between(secondsMs(10), minutesMs(30)),
    kind: random.pick(['unavailable', 'throttled', 'unauthorized']),
  };
}

function drawDeletion(random: Random): readonly Deed[] {
  const atMs = random.between(0, calmAtMs);
  const afterMs = random.between(0, calmAtMs);
  return [
    { atMs, what: 'deletes' },
    { atMs: atMs + afterMs, what: random.pick(['recovers', 'purges']) },
  ];
}

function drawDeeds(random: Random, mode: TokenScenario['mode']): readonly Deed[] {
  const puts = ['putsTagged', 'putsUntagged'] as const;
  const all =
    mode === 'watch'
      ? ([...puts, ...puts, 'putsBroken'] as const)
      : ([...puts, 'restores', 'restoresUntagged', 'editsCopy', 'suspends'] as const);
  if (mode === 'rotate' && random.chance(0.15)) return drawDeletion(random);
  return many(random, mode === 'watch' ? 3 : 2, () => ({ atMs: random.between(0, calmAtMs), what: random.pick(all) }));
}

const day = hoursMs(24);

export function drawTokenScenario(seed: number, random: Random): TokenScenario {
  const mode = random.chance(0.8) ? 'rotate' : 'watch';
  const latencyMs = random.pick([10, 100, 1000, 5000]);
  const isStormy = random.chance(0.5);
  const lifetimeMs = random.pick([7 * day, 30 * day, 90 * day]);
  return {
    seed,
    mode,
    planes: random.between(1, 3),
    copies: drawCopies(random),
    latencyMs,
    periodMs: minutesMs(random.between(10, 20)),
    graceMs: minutesMs(random.between(15, 30)),
    lifetimeMs,
    maxLifespanMs: random.chance(0.3) ? random.pick([day / 4, day, 7 * day]) : Number.POSITIVE_INFINITY,
    lagMs: random.pick([0, 0, 0, secondsMs(1), secondsMs(8), secondsMs(60)]),
    asked: mode === 'rotate' ? [...drawAsked(random), ...drawTwins(random, latencyMs)] : [],
    deeds: drawDeeds(random, mode),
    outages: isStormy ? many(random, 3, () => drawOutage(random)) : [],
    refusal: random.chance(0.2)
      ? { atMs: random.between(0, calmAtMs / 2), forMs: random.between(0, calmAtMs / 2) }
      : undefined,
    faultRate: isStormy ? random.pick([0, 0.02, 0.1, 0.25]) : 0,
    deaths: many(random, 3, () => random.between(0, calmAtMs)),
    skew: {
      server: random.between(-20_000, 20_000),
      vault: random.between(-20_000, 20_000),
      planes: random.pick([0, secondsMs(30), hoursMs(2), -hoursMs(2)]),
    },
    signedIn: mode === 'rotate' || random.chance(0.5),
    calmAtMs,
  };
}
