/** Errors of the @azure packages that speak HTTP, classified. */
import type { Upstream, UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import { httpKinds } from '../httpKinds.ts';
import { retryAfterMs } from '../retryAfter.ts';

const kinds: Readonly<Record<number, UpstreamErrorKind>> = {
  ...httpKinds,
  400: 'invalid',
};

/** What of a RestError is looked at. Its message is not: it may quote the request. */
interface Failure {
  readonly name?: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
  readonly errorResponse?: { readonly error?: string };
  /** Of Key Vault: says why a 403 is one (`SecretDisabled`, `ForbiddenByRbac`, `ForbiddenByFirewall`). */
  readonly details?: { readonly error?: { readonly innerError?: { readonly code?: string } } };
}

/** Classifies what a call threw; what a token source has already classified goes on unchanged. */
export function azureFailure(upstream: Upstream, operation: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const failure = error as Failure;
  const status = failure.statusCode;
  return new UpstreamError(
    {
      upstream,
      operation,
      kind: kindOf(failure),
      status,
      retryAfterMs: retryAfterMs(failure.response?.headers?.get('retry-after'), Date.now()),
      detail: detailOf(failure),
    },
    { cause: error },
  );
}

const detailOf = ({ errorResponse, details, code, name }: Failure): string | undefined =>
  errorResponse?.error ?? details?.error?.innerError?.code ?? code ?? name;

function kindOf({ name, code, statusCode }: Failure): UpstreamErrorKind {
  if (name === 'AbortError' || code === 'ETIMEDOUT') return 'timeout';
  if (statusCode !== undefined) return kinds[statusCode] ?? (statusCode >= 500 ? 'unavailable' : 'unexpected');
  return code === undefined ? 'unexpected' : 'unavailable';
}
