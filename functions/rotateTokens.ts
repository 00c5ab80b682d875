/**
 * The upkeep of tokens, of the hook secret and of the sign-in, by three doors: a timer, events of the vault, and people
 * with POST /api/rotate/{token} behind a function key. Each only enqueues; reconcilePool takes what is in the queue.
 */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';
import { errorFields } from '../shared/intents.ts';

type GetApp = () => Promise<App>;

const logOf = (context: InvocationContext) => functionsLog(context, { invocationId: context.invocationId });

/** Rejects when the queue could not be had: the timer's failure is the only thing that would be seen. */
export async function rotateOnTimer(context: InvocationContext, get: GetApp = getApp): Promise<void> {
  await (await get()).upkeep.tick(context.invocationId, logOf(context));
}

/** Rejects when the queue could not be had, and then Event Grid delivers again. */
export async function rotateOnEvent(event: unknown, context: InvocationContext, get: GetApp = getApp): Promise<void> {
  await (await get()).upkeep.vaultEvent(event, context.invocationId, logOf(context));
}

/** 202 = it will be looked at; how it went is told by the health. */
export async function rotateOnDemand(
  request: HttpRequest,
  context: InvocationContext,
  get: GetApp = getApp,
): Promise<HttpResponseInit> {
  const log = logOf(context);
  const token = request.params['token'] ?? '';
  try {
    const outcome = await (await get()).upkeep.ask(token, context.invocationId, log);
    if (outcome === 'enqueued') return { status: 202, jsonBody: { token, asked: context.invocationId } };
    return { status: 404, jsonBody: { error: `No token ${JSON.stringify(token.slice(0, 63))} is configured.` } };
  } catch (error) {
    log.write('error', 'rotate.failed', errorFields(error));
    return { status: 503, jsonBody: { error: 'It could not be enqueued; the log says why.' } };
  }
}

app.timer('rotateTokens', { schedule: '%MAYFLY_ROTATION%', handler: (_timer, context) => rotateOnTimer(context) });
app.eventGrid('rotateOnVaultEvent', { handler: (event, context) => rotateOnEvent(event, context) });
app.http('rotateOnDemand', {
  route: 'rotate/{token}',
  methods: ['POST'],
  authLevel: 'function',
  handler: (request, context) => rotateOnDemand(request, context),
});
