/** One pipeline job from its hook to the start of its agent job, taken apart. Times in ms. */
import { hookPath, queueName } from '../../infra/local/start/localSettings.ts';
import { slotMs } from '../../shared/domain/intent.ts';
import { type Bench, controlPlane, poolName } from './benchSystem.ts';
import { type Span, sequential, together, within } from './spans.ts';

/** A part of the way: from the hook to the answer that ends it. */
export interface Leg {
  readonly elapsedMs: number;
  /** In which the doors worked on a call, by their journal. */
  readonly doorsMs: number;
  /** In which a call was under way, as its caller saw it. */
  readonly callsMs: number;
  /** Calls that had to wait for each other. */
  readonly azureDevOps: number;
  readonly kubernetes: number;
}

export interface Single {
  readonly toCreated: Leg;
  readonly toStarted: Leg;
  /** Between the Job's answer and the first byte of the agent's registration: waiting for its key. */
  readonly keyWaitMs: number;
  /** From the message's arrival at the queue to the function, both in whole ms: only the mean of many tells more. */
  readonly queueMs: number;
  /** Passes that began before the Job was started; more than one disturb each other. */
  readonly passes: number;
  /** Names of the calls in their order. */
  readonly calls: readonly string[];
}

/** The place in a slot where no message of ours falls due: self messages do at its beginning, `last` in its middle. */
const quietPlaceMs = 500;
const toleranceMs = 200;

/** Waits for the next slot's quiet place; `before` is called a little earlier, when nothing else runs. */
export async function takeTurn(bench: Bench, before: () => Promise<void>): Promise<void> {
  const { clock } = bench.system;
  for (;;) {
    const place = (Math.floor(clock.now() / slotMs) + 1) * slotMs + quietPlaceMs;
    await clock.sleep(place - 100 - clock.now());
    await bench.quiet();
    if (clock.now() > place) continue;
    await before();
    await clock.sleep(Math.max(0, place - clock.now()));
    if (clock.now() < place + toleranceMs) return;
  }
}

async function until<T>(bench: Bench, what: string, find: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come: ${bench.complaints.slice(-3).join('; ')}`);
    await bench.system.clock.sleep(5);
  }
}

/** Queues one job, lets it run to its end, and reads from the journals what happened on the way. */
export async function runSingle(bench: Bench): Promise<Single> {
  const { system, journal, sockets } = bench;
  journal.clear();
  sockets.clear();
  const queuedAt = system.clock.now();
  const queued = system.queueJob(poolName, { demands: [], durationMs: 100 });
  if (queued.kind !== 'queued') throw new Error(queued.message);
  const own = (verb: string, target?: string): Span | undefined =>
    journal.spans.find(
      (span) =>
        span.verb === verb &&
        controlPlane.includes(span.caller) &&
        Number.isFinite(span.to) &&
        (target ?? span.target) === span.target,
    );
  const created = await until(bench, 'the Job', () => own('create jobs'));
  const started = await until(bench, 'the start of the Job', () => own('patch jobs', created.target));
  const startedWall = system.clock.now();
  await until(bench, 'the end', () => system.ledger.requests.get(queued.requestId)?.finishedAt);
  const hookAt = sockets.arrivals.find(({ url }) => url === hookPath)?.at;
  if (hookAt === undefined) throw new Error('no hook arrived');
  const registered = own('addAgent');
  return {
    toCreated: legOf(bench, hookAt, created.to),
    toStarted: legOf(bench, hookAt, started.to),
    keyWaitMs: (registered?.from ?? Number.NaN) - created.to,
    queueMs: queueTime(bench, queuedAt),
    passes: passesBetween(bench, queuedAt, startedWall).length,
    calls: within(journal.spans, hookAt, started.to)
      .filter(({ caller }) => controlPlane.includes(caller))
      .map(({ verb, from }) => `${verb} ${(from - hookAt).toFixed(1)}`),
  };
}

function legOf({ journal, sockets, system }: Bench, from: number, to: number): Leg {
  const spans = within(journal.spans, from, to).filter(({ caller }) => controlPlane.includes(caller));
  const isDevOps = ({ door }: Span): boolean => door === 'azureDevOps';
  const doors = [system.ports.azureDevOps, system.ports.kubernetes];
  // The last call's answer is read a little after the door let it go.
  const calls = sockets.exchanges.filter((exchange) => doors.includes(exchange.port) && exchange.from < to);
  const cut = calls.filter((call) => call.from >= from).map((call) => ({ from: call.from, to: Math.min(call.to, to) }));
  return {
    elapsedMs: to - from,
    doorsMs: together(spans),
    callsMs: together(cut),
    azureDevOps: sequential(spans.filter(isDevOps)),
    kubernetes: sequential(spans.filter((span) => !isDevOps(span))),
  };
}

function passesBetween(
  { system }: Pick<Bench, 'system'>,
  from: number,
  to: number,
): readonly { readonly startedAt: number }[] {
  const invocations = system.host?.invocations ?? [];
  return invocations.filter(
    ({ functionName, startedAt }) => functionName === 'reconcilePool' && startedAt >= from && startedAt <= to,
  );
}

function queueTime({ system }: Bench, since: number): number {
  const sent = system.serviceBus.journal.calls.find(
    ({ verb, target, at }) => verb === 'send' && target.startsWith(queueName) && at >= since,
  );
  const [pass] = passesBetween({ system }, since, Number.POSITIVE_INFINITY);
  return (pass?.startedAt ?? Number.NaN) - (sent?.at ?? Number.NaN);
}
