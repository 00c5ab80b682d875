/**
 * Stands in for `@azure/functions-core`, the module that only the Functions worker has, and keeps what is registered.
 * Import it before anything that imports `@azure/functions`: the library looks for the core at its first registration.
 */
import { registerHooks } from 'node:module';

/** What the library tells the worker of a function. */
export interface Registration {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly handler: (...inputs: readonly unknown[]) => Promise<unknown>;
}

const source = `
  const registered = [];
  globalThis.mayflyRegistrations = registered;
  module.exports = {
    version: '0.0.0',
    hostVersion: '4.0.0',
    registerFunction: (metadata, handler) => { registered.push({ ...metadata, handler }); return { dispose() {} }; },
    setProgrammingModel: () => {},
    getProgrammingModel: () => undefined,
    registerHook: () => ({ dispose() {} }),
    log: () => {},
    Disposable: class { dispose() {} },
  };
`;

/** URLs of the files that were loaded since this module was, in order. */
export const loadedFiles: string[] = [];

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@azure/functions-core' ? { url: 'core:functions', shortCircuit: true } : next(specifier, context),
  load(url, context, next) {
    if (url === 'core:functions') return { format: 'commonjs', source, shortCircuit: true };
    if (url.startsWith('file:')) loadedFiles.push(url);
    return next(url, context);
  },
});

export function registrations(): readonly Registration[] {
  const known: unknown = Reflect.get(globalThis, 'mayflyRegistrations');
  return Array.isArray(known) ? known : [];
}
