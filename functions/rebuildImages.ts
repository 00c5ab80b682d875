/**
 * The rebuild of agent images: an hourly timer, POST /api/rebuild/{image} and /api/rollback/{image} on demand, and
 * GET /api/images for how they stand. All but the timer behind a function key. The looks themselves are made by whoever
 * takes the nudges from the queue, one at a time.
 */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';
import { ConfigError, UpstreamError } from '../shared/domain/errors.ts';
import { errorFields } from '../shared/intents.ts';

/** Rejects when the nudge could not be sent: a timer that silently fails is the one thing nobody would notice. */
export async function rebuildImages(context: InvocationContext, get: () => Promise<App> = getApp): Promise<void> {
  await (await get()).images.tick(context.invocationId);
}

const refusal = (status: number, error: string): HttpResponseInit => ({ status, jsonBody: { error } });

/** Problems of the configuration are settings by name; an upstream's own words stay in the log. */
function failure(error: unknown): HttpResponseInit {
  if (error instanceof ConfigError) return refusal(503, error.message);
  if (error instanceof UpstreamError) return refusal(503, `${error.upstream} ${error.kind} while ${error.operation}.`);
  return refusal(500, 'Something unforeseen went wrong; the log says what.');
}

async function guarded(context: InvocationContext, work: () => Promise<HttpResponseInit>): Promise<HttpResponseInit> {
  try {
    return await work();
  } catch (error) {
    functionsLog(context, { invocationId: context.invocationId }).write('error', 'images.failed', errorFields(error));
    return failure(error);
  }
}

/** 202: written down where the next look finds it, which is soon. */
export function askOfImage(
  kind: 'build' | 'rollback',
  { params }: HttpRequest,
  context: InvocationContext,
  get: () => Promise<App> = getApp,
): Promise<HttpResponseInit> {
  const image = params['image'] ?? '';
  return guarded(context, async () => {
    const asked = await (await get()).images.ask(image, kind, context.invocationId);
    if (asked === 'unknown') return refusal(404, `There is no image ${JSON.stringify(image.slice(0, 63))}.`);
    if (asked === 'nothing') return refusal(409, `There is no earlier image of ${image} to go back to.`);
    if (asked === 'nowhere') return refusal(409, `No pool that Mayfly serves runs ${image}.`);
    return { status: 202, jsonBody: { image, asked: kind } };
  });
}

export function imageStates(context: InvocationContext, get: () => Promise<App> = getApp): Promise<HttpResponseInit> {
  return guarded(context, async () => ({ status: 200, jsonBody: { images: await (await get()).images.states() } }));
}

app.timer('rebuildImages', { schedule: '%MAYFLY_REBUILD%', handler: (_timer, context) => rebuildImages(context) });
app.http('rebuildImage', {
  route: 'rebuild/{image}',
  methods: ['POST'],
  authLevel: 'function',
  handler: (request, context) => askOfImage('build', request, context),
});
app.http('rollbackImage', {
  route: 'rollback/{image}',
  methods: ['POST'],
  authLevel: 'function',
  handler: (request, context) => askOfImage('rollback', request, context),
});
app.http('images', {
  route: 'images',
  methods: ['GET'],
  authLevel: 'function',
  handler: (_request, context) => imageStates(context),
});
