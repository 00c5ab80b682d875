/** Runs one function once, as the worker does: arguments, hooks, handler, hooks, response. Keeps a record of each. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Registration, Registry } from './core.ts';
import { invocationModel } from './core.ts';

export interface Invocation {
  readonly id: string;
  readonly functionName: string;
  /** Why it ran: "http", "timer", "serviceBus", "admin". */
  readonly reason: string;
  readonly startedAt: EpochMs;
  endedAt: EpochMs | undefined;
  outcome: 'running' | 'succeeded' | 'failed';
  error: unknown;
}

/** RPC typed data, as the host sends it to the worker. */
export type TypedData =
  | { readonly string: string }
  | { readonly json: string }
  | { readonly bytes: Uint8Array }
  | { readonly http: Readonly<Record<string, unknown>> };

export interface InvocationRequest {
  readonly reason: string;
  /** The input of the trigger binding. */
  readonly input: TypedData;
  readonly triggerMetadata?: Readonly<Record<string, TypedData>>;
  readonly traceparent?: string | undefined;
}

export type InvocationResult =
  | { readonly ok: true; readonly returnValue: unknown }
  | { readonly ok: false; readonly error: unknown };

/** Told each line that a function writes: through its context, or with console while it runs. */
export type LogSink = (functionName: string, level: string, text: string) => void;

const journalLimit = 10_000;

export class Invocations {
  readonly #registry: Registry;
  readonly #clock: WorldClock;
  readonly #log: LogSink;
  readonly #running = new Set<Promise<InvocationResult>>();
  readonly #current = new AsyncLocalStorage<string>();
  #all: Invocation[] = [];

  constructor(registry: Registry, clock: WorldClock, log: LogSink) {
    this.#registry = registry;
    this.#clock = clock;
    this.#log = log;
  }

  /** Oldest first; bounded, the oldest fall off. */
  get all(): readonly Invocation[] {
    return this.#all;
  }

  /** The function in whose course this is called. */
  get currentFunction(): string | undefined {
    return this.#current.getStore();
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  run(registration: Registration, request: InvocationRequest): Promise<InvocationResult> {
    const running = this.#current.run(registration.metadata.name, () => this.#record(registration, request));
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
    return running;
  }

  async #record(registration: Registration, request: InvocationRequest): Promise<InvocationResult> {
    const { name } = registration.metadata;
    const invocation: Invocation = {
      id: randomUUID(),
      functionName: name,
      reason: request.reason,
      startedAt: this.#clock.now(),
      endedAt: undefined,
      outcome: 'running',
      error: undefined,
    };
    this.#all.push(invocation);
    if (this.#all.length > journalLimit) this.#all = this.#all.slice(-journalLimit / 2);
    const result = await this.#invoke(registration, request, invocation.id).then(
      (returnValue): InvocationResult => ({ ok: true, returnValue }),
      (error: unknown): InvocationResult => ({ ok: false, error }),
    );
    invocation.endedAt = this.#clock.now();
    invocation.outcome = result.ok ? 'succeeded' : 'failed';
    if (!result.ok) {
      invocation.error = result.error;
      this.#log(name, 'error', `Executed 'Functions.${name}' (Failed): ${describe(result.error)}`);
    }
    return result;
  }

  async #invoke(registration: Registration, request: InvocationRequest, invocationId: string): Promise<unknown> {
    const { metadata, handler } = registration;
    const context = {
      invocationId,
      metadata,
      request: {
        invocationId,
        inputData: [{ name: triggerName(registration), data: request.input }],
        triggerMetadata: request.triggerMetadata,
        traceContext: { traceParent: request.traceparent ?? newTraceParent(), traceState: '', attributes: {} },
      },
      log: (level: string, _category: string, text: string) => this.#log(metadata.name, level, text),
      state: undefined as string | undefined,
    };
    const model = invocationModel(context);
    const { context: invocationContext, inputs } = await model.getArguments();
    const shared = { hookData: {}, appHookData: {}, invocationContext };
    context.state = 'preInvocationHooks';
    const before: Record<string, unknown> = { ...shared, inputs, functionCallback: handler };
    await this.#hook('preInvocation', before);
    const after: Record<string, unknown> = { ...shared, inputs: before['inputs'], result: undefined, error: undefined };
    context.state = 'invocation';
    try {
      after['result'] = await model.invokeFunction(
        invocationContext,
        before['inputs'] as unknown[],
        before['functionCallback'],
      );
    } catch (error) {
      after['error'] = error;
    }
    context.state = 'postInvocationHooks';
    await this.#hook('postInvocation', after);
    if (after['error'] !== undefined) throw after['error'];
    const response = await model.getResponse(invocationContext, after['result']);
    return response.returnValue;
  }

  async #hook(name: string, context: Record<string, unknown>): Promise<void> {
    for (const callback of this.#registry.hooks.get(name) ?? []) await callback(context);
  }
}

export function triggerOf(registration: Registration): {
  readonly name: string;
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
} {
  const found = Object.entries(registration.metadata.bindings).find(([, { type }]) => /trigger$/i.test(type));
  if (found === undefined) throw new Error(`The function ${registration.metadata.name} has no trigger.`);
  return { name: found[0], type: found[1].type, options: found[1] };
}

const triggerName = (registration: Registration): string => triggerOf(registration).name;

function newTraceParent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
