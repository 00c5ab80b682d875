/** Failures of `reap` in one sentence that a person can act on. */
import type { UpstreamError, UpstreamErrorKind } from '../../shared/domain/errors.ts';

export class Complaint extends Error {}

export interface Asked {
  readonly url: string;
  readonly poolId: number;
  /** "the token in AZURE_DEVOPS_EXT_PAT" */
  readonly credential: string;
}

type Sentence = (asked: Asked, error: UpstreamError) => string;

const status = ({ status: code, detail }: UpstreamError): string => {
  const words = [code, detail].filter((word) => word !== undefined).join(', ');
  return words === '' ? '' : ` (${words})`;
};

const silent: Sentence = ({ url }, error) => `${url} gives no usable answer${status(error)}.`;

const sentences: Readonly<Partial<Record<UpstreamErrorKind, Sentence>>> = {
  unauthorized: ({ url, credential }, error) =>
    `${url} refuses ${credential}${status(error)}: it is wrong, expired, or of another organisation.`,
  forbidden: ({ poolId, credential }, error) =>
    `With ${credential} pool ${poolId} cannot be read${status(error)}: it takes the scope "Agent Pools (read)".`,
  notFound: ({ url, poolId, credential }) => `${url} has no pool ${poolId}, or hides it from ${credential}.`,
  throttled: ({ url }, { retryAfterMs = 0 }) =>
    `${url} asks to be left alone${retryAfterMs > 0 ? ` for ${Math.ceil(retryAfterMs / 1000)} s` : ''}.`,
  timeout: silent,
  unavailable: silent,
  unexpected: silent,
};

/** What Azure DevOps did not give. */
export function complaintOf(error: UpstreamError, asked: Asked): Complaint {
  const sentence = sentences[error.kind];
  return new Complaint(sentence === undefined ? error.message : sentence(asked, error));
}
