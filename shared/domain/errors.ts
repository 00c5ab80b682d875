/**
 * What can go wrong outside, in nine words. An adapter classifies an answer once; from there on code asks for the
 * kind and never looks at a status code, a message or a library's own error class again.
 */
export const upstreamErrorKinds = [
  'throttled',
  'unavailable',
  'timeout',
  'unauthorized',
  'forbidden',
  'notFound',
  'conflict',
  'invalid',
  'unexpected',
] as const;

export type UpstreamErrorKind = (typeof upstreamErrorKinds)[number];

export type Upstream =
  | 'azureDevOps'
  | 'kubernetes'
  | 'serviceBus'
  | 'keyVault'
  | 'entra'
  | 'registry'
  | 'azureResourceManager';

export interface UpstreamErrorFields {
  readonly upstream: Upstream;
  /** A short gerund that names what was tried: "listing job requests". */
  readonly operation: string;
  readonly kind: UpstreamErrorKind;
  readonly status?: number | undefined;
  /** How long the upstream asked us to stay away, in ms. */
  readonly retryAfterMs?: number | undefined;
  /** The upstream's own words, free of secrets. */
  readonly detail?: string | undefined;
}

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly upstream: Upstream;
  readonly operation: string;
  readonly kind: UpstreamErrorKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly detail: string | undefined;

  constructor(fields: UpstreamErrorFields, options?: { readonly cause?: unknown }) {
    const status = fields.status === undefined ? '' : ` (${fields.status})`;
    const detail = fields.detail === undefined ? '' : `: ${fields.detail}`;
    super(`${fields.upstream} ${fields.kind}${status} while ${fields.operation}${detail}`, options);
    this.upstream = fields.upstream;
    this.operation = fields.operation;
    this.kind = fields.kind;
    this.status = fields.status;
    this.retryAfterMs = fields.retryAfterMs;
    this.detail = fields.detail;
  }
}

/** The kind of any thrown value; what no adapter classified is `unexpected`. */
export function errorKind(error: unknown): UpstreamErrorKind {
  return error instanceof UpstreamError ? error.kind : 'unexpected';
}

export function hasErrorKind(error: unknown, ...kinds: readonly UpstreamErrorKind[]): boolean {
  return error instanceof UpstreamError && kinds.includes(error.kind);
}

/** One thing wrong with the configuration: where, which rule, and what stands there. */
export interface ConfigProblem {
  readonly path: string;
  readonly rule: string;
  readonly found: string;
}

/** All that is wrong with a configuration, at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(source: string, problems: readonly ConfigProblem[], options?: { readonly cause?: unknown }) {
    const lines = problems.map((problem) => `  ${problem.path}: ${problem.rule}; found ${problem.found}`);
    super([`${source} has ${problems.length} problem(s):`, ...lines].join('\n'), options);
    this.problems = problems;
  }
}
