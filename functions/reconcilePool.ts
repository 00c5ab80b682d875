/** One message of the intent queue, one pass over one pool. Single dispatch: batched session triggers renew no lock. */
import { app, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';
import { errorFields } from '../shared/intents.ts';

/** When the queue let the message go; for a scheduled one that is when it fell due. */
function releasedAt(context: InvocationContext): number | undefined {
  const at = Date.parse(String(context.triggerMetadata?.['enqueuedTimeUtc']));
  return Number.isNaN(at) ? undefined : at;
}

/** Never rejects: the message is completed whatever comes of it, and the next sweep finds what was missed. */
export async function reconcilePool(
  message: unknown,
  context: InvocationContext,
  get: () => Promise<App> = getApp,
): Promise<void> {
  const log = functionsLog(context, { invocationId: context.invocationId });
  try {
    await (await get()).reconcile(message, releasedAt(context), log);
  } catch (error) {
    log.write('error', 'reconcile.failed', errorFields(error));
  }
}

app.serviceBusQueue('reconcilePool', {
  connection: 'ServiceBusConnection',
  queueName: '%MAYFLY_QUEUE%',
  isSessionsEnabled: true,
  cardinality: 'one',
  handler: (message, context) => reconcilePool(message, context),
});
