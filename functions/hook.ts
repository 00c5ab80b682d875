/** POST /api/hooks/azure-devops. Anonymous for the host: the credential is ours to check, and so is every answer. */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';
import { type FailurePeriod, failed, failureStatus } from '../shared/hooks/failurePeriod.ts';
import { errorFields } from '../shared/intents.ts';

let failure: FailurePeriod | undefined;

/** A 500 would cost the subscription, so even a fault in what surrounds the receiver is answered by its rule. */
export async function receiveHook(
  request: HttpRequest,
  context: InvocationContext,
  get: () => Promise<App> = getApp,
): Promise<HttpResponseInit> {
  const log = functionsLog(context, { invocationId: context.invocationId });
  try {
    const { status, ...body } = await (await get()).hook(request, context.invocationId, log);
    return status === 401 ? { status } : { status, jsonBody: body };
  } catch (error) {
    failure = failed(failure, Date.now());
    log.write('error', 'hook.failed', errorFields(error));
    return { status: failureStatus(failure), jsonBody: { outcome: 'unwell', reason: 'unexpected' } };
  }
}

app.http('hook', {
  route: 'hooks/azure-devops',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: (request, context) => receiveHook(request, context),
});
