/** GET /api/health for strangers and probes, in one word; GET /api/health/details, behind a function key, in full. */
import { app, type HttpResponseInit } from '@azure/functions';
import { type App, getApp } from '../shared/app.ts';

/** What a stranger may know: `ok`, `degraded` or `unwell`. */
export async function health(get: () => Promise<App> = getApp): Promise<HttpResponseInit> {
  const { status } = await (await get()).health();
  return { status: status === 'unwell' ? 503 : 200, jsonBody: { status } };
}

/** What is wrong and since when; settings by name, never by value. */
export async function healthDetails(get: () => Promise<App> = getApp): Promise<HttpResponseInit> {
  const present = await get();
  const [details, images] = await Promise.all([present.health(), present.images.states().catch(() => [])]);
  const jsonBody = images.length === 0 ? details : { ...details, images };
  return { status: details.status === 'unwell' ? 503 : 200, jsonBody };
}

app.http('health', { route: 'health', methods: ['GET'], authLevel: 'anonymous', handler: () => health() });
app.http('healthDetails', {
  route: 'health/details',
  methods: ['GET'],
  authLevel: 'function',
  handler: () => healthDetails(),
});
