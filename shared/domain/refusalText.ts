/**
 * What a refusal of an upstream means for the person who can change it: the right that is missing, and where it is
 * given. The texts are those that the services were seen to answer (sources below); they choose words only, never what
 * is done, because nobody promises them.
 */
import { type Upstream, UpstreamError, type UpstreamErrorKind } from './errors.ts';

/** What of an UpstreamError is looked at. */
export interface Refusal {
  readonly upstream: Upstream;
  readonly operation: string;
  readonly kind: UpstreamErrorKind;
  readonly status?: number | undefined;
  readonly detail?: string | undefined;
}

export interface RefusalText {
  /** What is the matter, as one sentence. */
  readonly lacks: string;
  /** What to do, as one sentence or two. */
  readonly fix: string;
}

interface Rule extends RefusalText {
  readonly upstream: Upstream;
  readonly kinds?: readonly UpstreamErrorKind[];
  readonly operation?: RegExp;
  readonly detail?: RegExp;
}

const users = 'Organisation settings > Users';
const poolSecurity = 'Organisation settings > Agent pools > the pool > Security';

/** The first that fits counts: by text before by kind. */
const rules: readonly Rule[] = [
  // microsoft/terraform-provider-azuredevops#901, learn.microsoft.com "Troubleshoot connecting to a project".
  {
    upstream: 'azureDevOps',
    detail: /TF400813|is not authorized to access this resource/i,
    lacks: 'the identity is no member of the organisation, or its access level gives it nothing',
    fix: `${users} > Add users: the managed identity or service principal by its name, access level Basic. Group rules do not apply to it.`,
  },
  // Public source files that match on it; the answer of the host itself.
  {
    upstream: 'azureDevOps',
    detail: /VS30063/i,
    lacks: 'the token is not taken by this organisation: it is of another tenant or for another resource',
    fix: 'The identity must be of the tenant under Organisation settings > Microsoft Entra; then add it under Users.',
  },
  {
    upstream: 'azureDevOps',
    detail: /TF401444/i,
    lacks: 'the user has never opened the organisation',
    fix: 'Sign in once as that user in a browser and open the organisation.',
  },
  // Seen with PATs and with users; the policy is Entra's.
  {
    upstream: 'azureDevOps',
    detail: /VS403463|conditional access/i,
    lacks: 'a Conditional Access policy keeps this identity or address out',
    fix: 'Entra > Sign-in logs name the policy. Exempt the identity for the app Azure DevOps, or allow the outbound addresses of the function app.',
  },
  {
    upstream: 'azureDevOps',
    detail: /access level|stakeholder/i,
    lacks: 'the access level of the identity does not include this',
    fix: `${users}: raise its access level to Basic.`,
  },
  // MicrosoftDocs/azure-devops-docs#13093 and public source files.
  {
    upstream: 'azureDevOps',
    detail: /needs Manage permissions for pool/i,
    lacks: 'the identity does not administer the pool at organisation level',
    fix: `${poolSecurity} > Add: role Administrator. The role of the same name in a project is not enough. A PAT needs the scope Agent Pools (read & manage).`,
  },
  {
    upstream: 'azureDevOps',
    detail: /needs Manage permissions/i,
    lacks: 'the identity may not administer agent pools',
    fix: 'Organisation settings > Agent pools > Security > Add: role Administrator.',
  },
  // huserben/TfsExtensions#145.
  {
    upstream: 'azureDevOps',
    detail: /needs (Use|View|Listen) permissions for pool/i,
    lacks: 'the identity may not see or use the pool',
    fix: `${poolSecurity} > Add: role Administrator (Reader is enough to look).`,
  },
  {
    upstream: 'azureDevOps',
    detail: /(Edit|View|Delete) ?Subscriptions?|PublisherSecurity/i,
    lacks: 'the identity may not read or write the service hooks of the project',
    fix: 'Add it to Project Administrators of that project, or grant View and Edit on the namespace ServiceHooks, token PublisherSecurity/<project id>.',
  },
  {
    upstream: 'azureDevOps',
    detail: /needs (Stop|Queue|View|Edit|Update).{0,20}build/i,
    lacks: 'the identity lacks a permission on builds of the project',
    fix: 'Project > Pipelines > Security: allow View builds, and where runs are started or cancelled Queue builds and Stop builds.',
  },
  {
    upstream: 'azureDevOps',
    detail: /VS800075|does not exist,? or you do not have permission/i,
    lacks: 'the project does not exist, or the identity is no member of it',
    fix: 'Add the identity to Readers of the project.',
  },
  {
    upstream: 'azureDevOps',
    kinds: ['unauthorized'],
    lacks:
      'the credential is not accepted: it expired, was revoked, is of another organisation, or is of no member of this one',
    fix: `A PAT: put a new one into the vault. A managed identity: ${users} > Add users, access level Basic.`,
  },
  {
    upstream: 'azureDevOps',
    kinds: ['notFound'],
    operation: /pool|agent|job request/i,
    lacks: 'the pool does not exist, or the identity may not see it: both are answered alike',
    fix: `Check the number of the pool; ${poolSecurity} > Add: role Administrator (Reader is enough to look).`,
  },
  {
    upstream: 'azureDevOps',
    kinds: ['notFound'],
    operation: /run|build/i,
    lacks: 'the run does not exist, or the identity may not see its project',
    fix: 'Add the identity to Readers of the project, which may view builds.',
  },
  {
    upstream: 'azureDevOps',
    kinds: ['forbidden'],
    lacks: 'the identity lacks a right for this',
    fix: 'The log has the words of Azure DevOps; docs/tokens.md lists which call needs which right.',
  },
  {
    upstream: 'kubernetes',
    kinds: ['unauthorized'],
    lacks: 'the cluster does not know the identity, or its token has expired',
    fix: 'AKS: integrate Microsoft Entra, and bind the Role to the object id of the identity. Elsewhere: renew the token.',
  },
  {
    upstream: 'kubernetes',
    kinds: ['forbidden'],
    operation: /token|Secret/i,
    lacks: 'the identity may not read or write Secrets of the namespace',
    fix: 'Apply the Role in infra/kubernetes/base and bind it to the identity.',
  },
  {
    upstream: 'kubernetes',
    kinds: ['forbidden'],
    lacks: 'the identity lacks a verb in the namespace',
    fix: 'Apply the Role in infra/kubernetes/base and bind it to the object id of the identity.',
  },
  {
    upstream: 'keyVault',
    detail: /SecretDisabled|disabled secret/i,
    lacks: 'the latest version of the secret is disabled',
    fix: 'Enable it, or put in a new version.',
  },
  {
    upstream: 'keyVault',
    kinds: ['notFound'],
    lacks: 'the vault has no secret of this name',
    fix: 'Put it there, or correct the name; a rotated token is made by the next pass of its upkeep.',
  },
  {
    upstream: 'keyVault',
    kinds: ['unauthorized', 'forbidden'],
    lacks: 'the identity may not use the vault, or its firewall keeps this address out',
    fix: 'Access control of the vault: Key Vault Secrets User to read, Key Vault Secrets Officer to rotate. Allow the network of the function app.',
  },
  {
    upstream: 'serviceBus',
    kinds: ['unauthorized', 'forbidden'],
    lacks: 'the identity may not use the queue',
    fix: 'Access control of the namespace: Azure Service Bus Data Sender and Data Receiver.',
  },
];

const fits = ({ upstream, operation, kind, detail }: Refusal, rule: Rule): boolean =>
  rule.upstream === upstream &&
  (rule.kinds === undefined || rule.kinds.includes(kind)) &&
  (rule.operation === undefined || rule.operation.test(operation)) &&
  (rule.detail === undefined || (detail !== undefined && rule.detail.test(detail)));

/** By the upstream's own words alone; undefined = it said nothing that is known. */
export function refusalByWords(refusal: Refusal): RefusalText | undefined {
  const rule = rules.find((each) => each.detail !== undefined && fits(refusal, each));
  return rule && { lacks: rule.lacks, fix: rule.fix };
}

/** One line for a log, beside the error itself. */
export function hintOf(error: unknown): string | undefined {
  const text = error instanceof UpstreamError ? refusalText(error) : undefined;
  return text && `${text.lacks}. ${text.fix}`;
}

/** undefined = it is no refusal that a right would mend. */
export function refusalText(refusal: Refusal): RefusalText | undefined {
  const rule = rules.find((each) => fits(refusal, each));
  return rule && { lacks: rule.lacks, fix: rule.fix };
}
