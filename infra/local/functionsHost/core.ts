/**
 * The module '@azure/functions-core', which on Azure the Node worker supplies and which is on no registry. The
 * library asks for it once per process, lazily, and keeps the answer, also a failure. So it is in place as soon as
 * this file is loaded and lasts for the process; what is registered goes to the app that is being loaded.
 */
import { Module } from 'node:module';

export interface Binding {
  readonly type: string;
  readonly direction: string;
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
}

export interface Registration {
  readonly metadata: FunctionMetadata;
  readonly handler: unknown;
}

export type HookCallback = (context: Record<string, unknown>) => unknown;

/** What one app registered. */
export class Registry {
  readonly functions = new Map<string, Registration>();
  readonly hooks = new Map<string, HookCallback[]>();
}

export interface InvocationModel {
  getArguments(): Promise<{ readonly context: object; inputs: unknown[] }>;
  invokeFunction(context: object, inputs: unknown[], handler: unknown): Promise<unknown>;
  getResponse(
    context: object,
    result: unknown,
  ): Promise<{ readonly returnValue?: unknown; readonly outputData?: unknown }>;
}

interface ProgrammingModel {
  getInvocationModel(context: object): InvocationModel;
}

export type CoreLog = (level: string, category: string, text: string) => void;

let loading: Registry | undefined;
let model: ProgrammingModel | undefined;
let systemLog: CoreLog = () => {};

class Disposable {
  readonly #dispose: () => unknown;

  constructor(dispose: () => unknown) {
    this.#dispose = dispose;
  }

  static from(...items: readonly { dispose(): unknown }[]): { dispose(): unknown } {
    return { dispose: () => items.map((item) => item.dispose()) };
  }

  dispose(): unknown {
    return this.#dispose();
  }
}

const core = {
  // The versions of the worker and the host whose sources were read (runtime of Oct 2024).
  version: '3.9.1',
  hostVersion: '4.36.0',
  registerFunction(metadata: FunctionMetadata, handler: unknown): Disposable {
    const registry = registering(`the function ${metadata.name}`);
    if (registry.functions.has(metadata.name)) throw new Error(`The function ${metadata.name} is registered twice.`);
    registry.functions.set(metadata.name, { metadata, handler });
    return new Disposable(() => registry.functions.delete(metadata.name));
  },
  registerHook(name: string, callback: HookCallback): Disposable {
    const { hooks } = registering(`the hook ${name}`);
    hooks.set(name, [...(hooks.get(name) ?? []), callback]);
    return new Disposable(() =>
      hooks.set(
        name,
        (hooks.get(name) ?? []).filter((other) => other !== callback),
      ),
    );
  },
  setProgrammingModel(next: ProgrammingModel): void {
    model = next;
  },
  getProgrammingModel: (): ProgrammingModel | undefined => model,
  log: (level: string, category: string, text: string): void => systemLog(level, category, text),
  Disposable,
};

/** On Azure, too, functions can be registered only while the app starts. */
function registering(what: string): Registry {
  if (loading === undefined) throw new Error(`A function app can register ${what} only while it starts.`);
  return loading;
}

interface Requiring {
  require(this: unknown, id: string): unknown;
}

const prototype = Module.prototype as unknown as Requiring;
const original = Reflect.get(prototype, 'require') as (this: unknown, id: string) => unknown;
prototype.require = function (this: unknown, id: string): unknown {
  return id === '@azure/functions-core' ? core : original.call(this, id);
};

/** Runs what registers; only one app may load at a time. */
export async function collect(registry: Registry, load: () => Promise<unknown>): Promise<Registry> {
  if (loading !== undefined) throw new Error('Another function app of this process is still loading.');
  loading = registry;
  try {
    await load();
  } finally {
    loading = undefined;
  }
  return registry;
}

export function invocationModel(context: object): InvocationModel {
  if (model === undefined) throw new Error('No function was registered through @azure/functions.');
  return model.getInvocationModel(context);
}

/** Where the library's own lines go. */
export function onSystemLog(log: CoreLog): void {
  systemLog = log;
}
