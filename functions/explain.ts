/**
 * GET /api/explain/{organisation}/{poolId}/{requestId}: why a request waits, or who serves it. Behind a function key; JSON, or
 * with `?format=text` lines for people.
 */
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { functionsLog } from '../shared/adapters/functionsLog.ts';
import { type App, getApp } from '../shared/app.ts';
import { ConfigError, UpstreamError } from '../shared/domain/errors.ts';
import { errorFields } from '../shared/intents.ts';
import type { Explanation } from '../shared/plan/explain.ts';

const formats = ['json', 'text'] as const;
type Format = (typeof formats)[number];

interface Question {
  readonly organisation: string;
  readonly poolId: number;
  readonly requestId: number;
  readonly format: Format;
}

function wholeNumber(name: string, text: string | undefined): number | string {
  const number = /^\d{1,15}$/.test(text ?? '') ? Number(text) : 0;
  return number > 0
    ? number
    : `${name} must be a whole number from 1; found ${JSON.stringify(text?.slice(0, 40) ?? '')}.`;
}

/** What is asked, or what is wrong with it. */
function questionOf({ params, query }: HttpRequest): Question | string {
  const poolId = wholeNumber('poolId', params['poolId']);
  if (typeof poolId === 'string') return poolId;
  const requestId = wholeNumber('requestId', params['requestId']);
  if (typeof requestId === 'string') return requestId;
  const asked = query.get('format') ?? 'json';
  const format = formats.find((each) => each === asked);
  if (format === undefined) return `format must be json or text; found ${JSON.stringify(asked.slice(0, 40))}.`;
  return { organisation: params['organisation'] ?? '', poolId, requestId, format };
}

const refusal = (status: number, error: string): HttpResponseInit => ({ status, jsonBody: { error } });

const statusOf = ({ fate }: Explanation): number => {
  if (fate.kind === 'poolUnknown') return 503;
  return fate.kind === 'notInPool' ? 404 : 200;
};

async function answer(explanation: Explanation, format: Format): Promise<HttpResponseInit> {
  const status = statusOf(explanation);
  if (format === 'json') return { status, jsonBody: explanation };
  const { explainText } = await import('../shared/plan/explainText.ts');
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: explainText(explanation) };
}

/** Problems of the configuration are settings by name; an upstream's own words stay in the log. */
function failure(error: unknown): HttpResponseInit {
  if (error instanceof ConfigError) return refusal(503, error.message);
  if (error instanceof UpstreamError) return refusal(503, `${error.upstream} ${error.kind} while ${error.operation}.`);
  return refusal(500, 'Something unforeseen went wrong; the log says what.');
}

export async function explainRequest(
  request: HttpRequest,
  context: InvocationContext,
  get: () => Promise<App> = getApp,
): Promise<HttpResponseInit> {
  const log = functionsLog(context, { invocationId: context.invocationId });
  const question = questionOf(request);
  if (typeof question === 'string') return refusal(400, question);
  const { organisation, poolId, requestId, format } = question;
  try {
    const explanation = await (await get()).explain(organisation, poolId, requestId, log);
    if (explanation !== undefined) return await answer(explanation, format);
    return refusal(404, `Pool ${poolId} of organisation ${JSON.stringify(organisation)} is not configured.`);
  } catch (error) {
    log.write('error', 'explain.failed', errorFields(error));
    return failure(error);
  }
}

app.http('explain', {
  route: 'explain/{organisation}/{poolId}/{requestId}',
  methods: ['GET'],
  authLevel: 'function',
  handler: (request, context) => explainRequest(request, context),
});
