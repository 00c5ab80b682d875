/** The timer that makes hooks a luxury: every pool is looked at once a period, whatever was lost. */
import { app, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';

/** Rejects when the intents could not be enqueued: a sweep that silently fails is the one thing nobody would notice. */
export async function sweep(context: InvocationContext, get: () => Promise<App> = getApp): Promise<void> {
  const log = functionsLog(context, { invocationId: context.invocationId });
  await (await get()).sweep(context.invocationId, log);
}

app.timer('sweep', { schedule: '%MAYFLY_SWEEP%', handler: (_timer, context) => sweep(context) });
