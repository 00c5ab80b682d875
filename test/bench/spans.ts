/**
 * The doors' journal on a clock that tells fractions of a millisecond, and what can be said of its calls: how long they
 * took together, and how many of them had to wait for another. Times are those of performance.now().
 */
import { type Call, Journal } from '../../infra/local/world/faults.ts';

export interface Span {
  readonly door: string;
  readonly caller: string;
  readonly verb: string;
  readonly target: string;
  readonly from: number;
  /** Infinity while it lasts. */
  to: number;
  readonly call: Call;
}

export class SpanJournal extends Journal {
  spans: Span[] = [];

  override begin(call: Omit<Call, 'sequence' | 'outcome' | 'endedAt'>): Call {
    const entry = super.begin(call);
    const { door, caller, verb, target } = call;
    const span: Span = {
      door,
      caller,
      verb,
      target,
      from: performance.now(),
      to: Number.POSITIVE_INFINITY,
      call: entry,
    };
    let endedAt: number | undefined;
    // Doors say the end of a call by setting this; that is the moment to look at the finer clock.
    Object.defineProperty(entry, 'endedAt', {
      enumerable: true,
      get: () => endedAt,
      set: (value: number | undefined) => {
        endedAt = value;
        span.to = performance.now();
      },
    });
    this.spans.push(span);
    return entry;
  }

  override clear(): void {
    super.clear();
    this.spans = [];
  }
}

type Interval = Pick<Span, 'from' | 'to'>;

/** The time in which at least one was under way. */
export function together(intervals: readonly Interval[]): number {
  let total = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return total;
}

/** The most that follow one another without overlap: calls that are under way at the same time count once. */
export function sequential(intervals: readonly Interval[]): number {
  let count = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, to } of intervals.toSorted((a, b) => a.to - b.to)) {
    if (from < end) continue;
    count += 1;
    end = to;
  }
  return count;
}

/** What ends by `to` of what began from `from` on. */
export const within = <T extends Interval>(spans: readonly T[], from: number, to: number): readonly T[] =>
  spans.filter((span) => span.from >= from && span.to <= to);
