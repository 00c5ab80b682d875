/**
 * Observe, plan, apply, report: one pass over one token, in a few rounds. After what changes the vault or a copy it looks
 * again: the next round's look is the reading back, and its proof is the proof from the vault. Two control planes may
 * run it at once and do no harm.
 */
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import { type EpochMs, minutesMs, secondsMs } from '../../domain/instant.ts';
import { tokenTags } from '../../domain/token.ts';
import type { ObservedToken, TokenAction, TokenAlarm, TokenPlan } from '../../plan/tokens/observedToken.ts';
import { planToken } from '../../plan/tokens/planToken.ts';
import { applyTokenAction, type TokenPass } from './applyToken.ts';
import { observeToken } from './observeToken.ts';
import { throttledWaitMs } from './throttledWait.ts';
import type { TokenDeps, TokenIntent } from './tokenDeps.ts';
import type { TokenOutcome } from './tokenOutcome.ts';
import { reportToken, type TokenReport, teller } from './tokenReport.ts';

export type { TokenReport } from './tokenReport.ts';

/** Create, spread and read back take one each; the others are for what somebody else did in between. */
const maxRounds = 6;
/** For what failed without saying when to come back. */
const retryMs = minutesMs(2);
/** A look that is due is never sooner than this. */
const leastWaitMs = secondsMs(5);

/**
 * An event that our own `store` raised. Whoever stored it goes on itself, and if it died the timer does. Where another
 * version is of the same rotation, a person has stored an old one anew with its tags.
 */
function isOwnEvent(intent: TokenIntent, { versions }: ObservedToken): boolean {
  if (intent.cause !== 'newVersion' || intent.version === undefined || !versions.known) return false;
  const named = versions.value.find(({ version }) => version === intent.version);
  const rotation = named?.tags[tokenTags.rotation];
  return (
    rotation !== undefined && versions.value.filter(({ tags }) => tags[tokenTags.rotation] === rotation).length === 1
  );
}

/** All that one pass has met so far. */
interface Course {
  readonly outcomes: TokenOutcome[];
  readonly errors: unknown[];
}

/**
 * That a copy strayed is noted before it is written, or the grace of what it held would be forgotten: where the note fails
 * the copy waits for the next look. Without the right to write tags at all nothing is ever revoked, and the copy is written.
 */
function waitsForNote(actions: readonly TokenAction[], outcomes: readonly TokenOutcome[]): boolean {
  const strays = actions.some((action) => action.kind === 'note' && action.tags[tokenTags.strayed] !== undefined);
  const hasFailed = outcomes.some(
    ({ action, kind, error }) => action === 'note' && kind === 'failed' && !hasErrorKind(error, 'forbidden'),
  );
  return strays && hasFailed;
}

/** In order; one that creates is not repeated in a pass, whatever came of it. */
async function applyRound(
  pass: TokenPass,
  actions: readonly TokenAction[],
  { course, deadlineAt }: { readonly course: Course; readonly deadlineAt: EpochMs },
): Promise<readonly TokenOutcome[]> {
  const outcomes: TokenOutcome[] = [];
  const hasCreated = course.outcomes.some(({ action }) => action === 'create');
  for (const action of actions) {
    if (action.kind === 'create' && hasCreated) continue;
    const waits = action.kind === 'spread' && waitsForNote(actions, outcomes);
    if (waits || pass.deps.clock.now() >= deadlineAt)
      outcomes.push({ action: action.kind, subject: pass.deps.policy.name, kind: 'postponed' });
    else outcomes.push(...(await applyTokenAction(pass, action)));
  }
  return outcomes;
}

/** What was created, written or overtaken has to be looked at; what was only revoked or noted has not. */
function needsAnotherLook(outcomes: readonly TokenOutcome[]): boolean {
  return outcomes.some(
    ({ action, kind }) => kind === 'raced' || (kind === 'done' && ['create', 'spread'].includes(action)),
  );
}

/** What failed in one round and was done in a later one is no failure any more. */
function standing(outcomes: readonly TokenOutcome[]): readonly TokenOutcome[] {
  return outcomes.filter(
    ({ action, subject, kind }, index) =>
      kind !== 'failed' ||
      !outcomes
        .slice(index + 1)
        .some((later) => later.kind === 'done' && later.action === action && later.subject === subject),
  );
}

/** The alarms of the last look, and what failed on the way. */
function alarmsOf(plan: TokenPlan, outcomes: readonly TokenOutcome[]): readonly TokenAlarm[] {
  const met = standing(outcomes).flatMap(({ alarm }) => alarm ?? []);
  return [...plan.alarms, ...met.filter(({ reason }) => !plan.alarms.some((alarm) => alarm.reason === reason))];
}

/** When to come back for what failed or was left over; undefined = nothing did, or what stands until somebody mends it. */
function retryIn({ outcomes, errors }: Course, token: string): number | undefined {
  const all = [...errors, ...standing(outcomes).flatMap(({ error }) => error ?? [])];
  const throttled = all.filter((error) => error instanceof UpstreamError && error.retryAfterMs !== undefined);
  if (throttled.length > 0) return Math.max(leastWaitMs, ...throttled.map((error) => throttledWaitMs(error, token)));
  const isPassing = all.some((error) => !(error instanceof UpstreamError) || !lasting.has(error.kind));
  const isUnexplained = standing(outcomes).some(({ kind, error }) => kind === 'failed' && error === undefined);
  const isLeft =
    isUnexplained || outcomes.at(-1)?.kind === 'raced' || outcomes.some(({ kind }) => kind === 'postponed');
  return isPassing || isLeft ? retryMs : undefined;
}

function nextLookIn({ nextLookAt }: TokenPlan, at: EpochMs): number | undefined {
  return nextLookAt === undefined ? undefined : Math.max(leastWaitMs, nextLookAt - at);
}

/** These stand until somebody changes something: the timer is soon enough. */
const lasting: ReadonlySet<string> = new Set(['unauthorized', 'forbidden', 'notFound', 'conflict', 'invalid']);

interface Rounds {
  readonly plan: TokenPlan;
  readonly at: EpochMs;
  readonly isOwnEvent: boolean;
}

async function runRounds(deps: TokenDeps, intent: TokenIntent, course: Course): Promise<Rounds> {
  for (let round = 1; ; round++) {
    const { observed, errors } = await observeToken(deps, intent);
    course.errors.splice(0, course.errors.length, ...errors);
    const plan = planToken(deps.policy, observed);
    const ended = { plan, at: observed.at, isOwnEvent: round === 1 && isOwnEvent(intent, observed) };
    if (ended.isOwnEvent) return ended;
    const pass: TokenPass = { deps, at: observed.at, tell: teller(deps, intent) };
    const outcomes = await applyRound(pass, plan.actions, { course, deadlineAt: intent.deadlineAt });
    course.outcomes.push(...outcomes);
    if (round === maxRounds || !needsAnotherLook(outcomes)) return ended;
  }
}

/** One pass. Rejects never: what failed is in the report, and the next look decides afresh. */
export async function rotateToken(deps: TokenDeps, intent: TokenIntent): Promise<TokenReport> {
  const course: Course = { outcomes: [], errors: [] };
  const { plan, at, isOwnEvent: isOwn } = await runRounds(deps, intent, course);
  const retryAfter = isOwn ? undefined : retryIn(course, deps.policy.name);
  const report: TokenReport = {
    token: deps.policy.name,
    at,
    expiresAt: plan.expiresAt,
    outcomes: course.outcomes,
    alarms: isOwn ? plan.alarms : alarmsOf(plan, course.outcomes),
    lookAgainInMs: isOwn ? undefined : (retryAfter ?? nextLookIn(plan, at)),
    isCutShort: retryAfter !== undefined,
    isOwnEvent: isOwn,
  };
  reportToken(deps, intent, report, course.errors);
  return report;
}
