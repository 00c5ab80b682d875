/**
 * What goes wrong at a stand-in's door, and the journal of all calls through it. Faults are scripted: each waits for
 * the calls it names and is consumed. Both doors of a world (in process and on the wire) ask the same `Faults`.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';

export type FaultKind =
  /** An HTTP error status, with the world untouched. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** 203 and a sign-in page, as Azure DevOps answers to a broken token. */
  | { readonly kind: 'signInPage' }
  /** 200 and the JSON literal null. */
  | { readonly kind: 'nullBody' }
  /** 200 and a body that breaks off in the middle. */
  | { readonly kind: 'truncated' }
  /** The answer takes this long. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** No answer ever. */
  | { readonly kind: 'hang' }
  /** The connection breaks before the world has changed. */
  | { readonly kind: 'lostBefore' }
  /** The world changes, but the reply is lost. */
  | { readonly kind: 'lostAfter' }
  /** A list that leaves entries out; each is kept with this probability. */
  | { readonly kind: 'partial'; readonly keep: number };

export interface Call {
  readonly sequence: number;
  /** "azureDevOps" or "kubernetes:<cluster>" or another stand-in's name. */
  readonly door: string;
  /** Who calls: a control plane's name, an agent's, "kubectl". */
  readonly caller: string;
  /** The verb: "listAgents", "create jobs", ... */
  readonly verb: string;
  readonly target: string;
  readonly at: EpochMs;
  /** "ok", a status code, or the fault that struck. Set when the call ends. */
  outcome: string;
  endedAt?: EpochMs;
}

export interface FaultRule {
  readonly fault: FaultKind;
  /** How many calls it strikes; Infinity until removed. */
  remaining: number;
  readonly matches: (call: Pick<Call, 'door' | 'caller' | 'verb' | 'target'>) => boolean;
}

export class Faults {
  readonly #rules: FaultRule[] = [];

  /** The next `times` calls that match fail like this. The returned function takes the rule back. */
  add(fault: FaultKind, matches: FaultRule['matches'], times = 1): () => void {
    const rule: FaultRule = { fault, matches, remaining: times };
    this.#rules.push(rule);
    return () => {
      rule.remaining = 0;
    };
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The fault that strikes this call, consumed; undefined = none. */
  take(call: Pick<Call, 'door' | 'caller' | 'verb' | 'target'>): FaultKind | undefined {
    const rule = this.#rules.find((candidate) => candidate.remaining > 0 && candidate.matches(call));
    if (rule === undefined) return undefined;
    rule.remaining -= 1;
    return rule.fault;
  }
}

/** All calls through the doors, in order. Bounded: the oldest fall off. */
export class Journal {
  readonly #limit: number;
  #calls: Call[] = [];
  #sequence = 0;

  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  begin(call: Omit<Call, 'sequence' | 'outcome' | 'endedAt'>): Call {
    const entry: Call = { ...call, sequence: this.#sequence++, outcome: 'open' };
    this.#calls.push(entry);
    if (this.#calls.length > this.#limit) this.#calls = this.#calls.slice(-Math.ceil(this.#limit / 2));
    return entry;
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  clear(): void {
    this.#calls = [];
  }
}

/** What a door reads and writes besides its world; one of each may serve several doors. */
export interface Watched {
  readonly journal?: Journal;
  readonly faults?: Faults;
}
