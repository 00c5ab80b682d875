/** Why a step of the probe failed, for the person who can change it: which right is missing, not only that one is. */
import { errorKind, hasErrorKind, type Upstream, UpstreamError, type UpstreamErrorKind } from '../domain/errors.ts';
import { refusalByWords } from '../domain/refusalText.ts';
import type { ProbeStepId } from './probeReport.ts';

/** The probe itself says no: an answer that cannot be used, or a state in which going on could do harm. */
export class ProbeRefusal extends Error {
  override readonly name = 'ProbeRefusal';
  /** True where the server's answer settles the question. */
  readonly isConclusive: boolean;

  constructor(message: string, isConclusive: boolean) {
    super(message);
    this.isConclusive = isConclusive;
  }
}

/** The server gave the probe agent somebody's job. Nothing may go on from here. */
export class RequestGiven extends ProbeRefusal {
  constructor() {
    super('the server gave a job to the probe agent although it is disabled', false);
  }
}

/** Roles: learn.microsoft.com, agent-pool-roles and service-principal-agent-registration (read 2025-09). */
const readRight = 'the role Reader on this pool, and for a PAT the scope Agent Pools (read)';
const manageRight =
  'the role Administrator on this pool, given in the organisation settings (that of a project is not enough), and for a PAT the scope Agent Pools (read & manage)';

const asAgent: ReadonlySet<ProbeStepId> = new Set(['signIn', 'openSession']);
const managing: ReadonlySet<ProbeStepId> = new Set([
  'removeLeftovers',
  'register',
  'keepDisabled',
  'disable',
  'delete',
  'cleanUp',
]);

function rightWords(step: ProbeStepId): string {
  return `the identity lacks a right: it needs ${managing.has(step) ? manageRight : readRight}`;
}

const credentialWords =
  'the credential is not accepted: it expired, was revoked, or is of no member of the organisation';
const silenceWords = 'no usable answer; nothing was found out';

const meanings: Readonly<Partial<Record<UpstreamErrorKind, (step: ProbeStepId) => string>>> = {
  forbidden: rightWords,
  unauthorized: () => credentialWords,
  notFound: () => 'the pool does not exist, or this identity may not see it',
  throttled: () => 'the server is throttling; try again later',
  unavailable: () => silenceWords,
  timeout: () => silenceWords,
};

const identityWords = 'there is no token for the identity of this environment';

/** Of an agent's own calls only that it was refused: no right of ours plays a part in them. */
function meaningOf(step: ProbeStepId, error: UpstreamError): string | undefined {
  const known = refusalByWords(error);
  if (known !== undefined && !asAgent.has(step)) return `${known.lacks}: ${known.fix}`;
  const isPassing = hasErrorKind(error, 'throttled', 'unavailable', 'timeout');
  if (isPassing) return meanings[error.kind]?.(step);
  if (error.upstream !== 'azureDevOps') return error.upstream === 'entra' ? identityWords : undefined;
  return asAgent.has(step) ? 'the server refuses the agent' : meanings[error.kind]?.(step);
}

const upstreamNames: Readonly<Record<Upstream, string>> = {
  azureDevOps: 'Azure DevOps',
  kubernetes: 'Kubernetes',
  serviceBus: 'Service Bus',
  keyVault: 'Key Vault',
  entra: 'Entra',
  registry: 'the registry',
  azureResourceManager: 'Azure Resource Manager',
};

/** One sentence without its full stop. Errors of adapters are free of secrets; of any other only the name is told. */
export function probeWords(step: ProbeStepId, error: unknown): string {
  if (error instanceof ProbeRefusal) return error.message;
  if (!(error instanceof UpstreamError)) return `unexpected: ${error instanceof Error ? error.name : 'no error'}`;
  const { status, detail, upstream, kind } = error;
  const said = [upstreamNames[upstream], kind, status, detail].filter((part) => part !== undefined).join(' ');
  const meaning = meaningOf(step, error);
  return meaning === undefined ? said : `${meaning} (${said})`;
}

/** Answers that will be the same tomorrow, by step. All others say nothing of whether the service takes such agents. */
const conclusive: Readonly<Partial<Record<ProbeStepId, readonly UpstreamErrorKind[]>>> = {
  register: ['invalid'],
  signIn: ['unauthorized', 'forbidden', 'invalid'],
  openSession: ['unauthorized', 'forbidden', 'invalid', 'notFound'],
};

/** True when the failure of this step proves that `jit` does not work here. */
export function provesFailure(step: ProbeStepId, error: unknown): boolean {
  if (error instanceof ProbeRefusal) return error.isConclusive;
  return error instanceof UpstreamError && conclusive[step]?.includes(errorKind(error)) === true;
}
