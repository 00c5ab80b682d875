/**
 * The web hook of the Event Grid extension: `POST /runtime/webhooks/eventgrid?functionName=...&code=...`. It answers the
 * handshake of a subscription itself and runs the function once for each event. Source: HttpRequestProcessor of
 * Azure/azure-functions-eventgrid-extension; Event Grid documentation, "Webhook event delivery".
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import type { Registration } from './core.ts';
import { answer } from './httpResponse.ts';
import type { InvocationRequest, InvocationResult } from './invocations.ts';
import { triggerOf } from './invocations.ts';
import { type FunctionKeys, isSystemKey } from './keys.ts';

export const webhookPath = '/runtime/webhooks/eventgrid';

export interface EventGridDoorParts {
  readonly functions: readonly Registration[];
  readonly keys: FunctionKeys;
  readonly invoke: (registration: Registration, request: InvocationRequest) => Promise<InvocationResult>;
  readonly pass: () => Promise<void>;
}

export class EventGridDoor {
  readonly #parts: EventGridDoorParts;

  constructor(parts: EventGridDoorParts) {
    this.#parts = parts;
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> {
    const { keys, functions } = this.#parts;
    if (request.method !== 'POST') return notModelled(response, `${request.method} ${url.pathname}`);
    if (!isSystemKey(keys, request, url)) return answer(response, 401);
    const name = url.searchParams.get('functionName')?.toLowerCase();
    const registration = functions.find(({ metadata }) => metadata.name.toLowerCase() === name);
    if (registration === undefined || triggerOf(registration).type !== 'eventGridTrigger') return answer(response, 404);
    const events = eventsOf(body);
    if (events === undefined) return answer(response, 400);
    if (events.some((event) => 'specversion' in event)) return notModelled(response, 'the schema of CloudEvents');
    return this.#byType(String(request.headers['aeg-event-type']), registration, events, response);
  }

  async #byType(
    type: string,
    registration: Registration,
    events: readonly JsonObject[],
    response: ServerResponse,
  ): Promise<void> {
    if (type === 'SubscriptionValidation') return validate(events, response);
    if (type === 'Unsubscribe') return answer(response, 202);
    if (type !== 'Notification') return answer(response, 400);
    await this.#parts.pass();
    const results = await Promise.all(events.map((event) => this.#parts.invoke(registration, requestOf(event))));
    // One that failed fails the whole delivery, which is then made again.
    return answer(response, results.every(({ ok }) => ok) ? 202 : 500);
  }
}

const requestOf = (event: JsonObject): InvocationRequest => ({
  reason: 'eventGrid',
  input: { json: JSON.stringify(event) },
  triggerMetadata: { data: { json: JSON.stringify(event['data'] ?? null) } },
});

function validate([event]: readonly JsonObject[], response: ServerResponse): void {
  const data = event?.['data'];
  const code = isJsonObject(data) ? data['validationCode'] : undefined;
  if (typeof code === 'string') {
    answer(response, 200, JSON.stringify({ validationResponse: code }), 'application/json');
  } else answer(response, 400);
}

/** A single event comes in a list, too. */
function eventsOf(body: string): readonly JsonObject[] | undefined {
  try {
    const parsed = JSON.parse(body) as JsonValue;
    const list: readonly JsonValue[] = Array.isArray(parsed) ? parsed : [parsed];
    return list.every(isJsonObject) ? list.filter(isJsonObject) : undefined;
  } catch {
    return undefined;
  }
}

const notModelled = (response: ServerResponse, what: string): void =>
  answer(response, 501, `${what} is not modelled by this stand-in.`, 'text/plain');
