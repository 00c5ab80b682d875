/** Who asks. As the API server has it: a name and groups, nothing else. */
import type { IncomingHttpHeaders } from 'node:http';
import { KubernetesStatus } from '../statusError.ts';

export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

export type Tokens = ReadonlyMap<string, Identity>;

/** May do everything, before any rule is looked at (kubernetes.io/docs/reference/access-authn-authz/rbac). */
export const adminGroup = 'system:masters';
const everybody = 'system:authenticated';

/** Requests without a token are let in and are nobody (kubernetes.io/docs/reference/access-authn-authz/authentication). */
export const anonymous: Identity = { user: 'system:anonymous', groups: ['system:unauthenticated'] };

/** For `kubectl --server=http://...` without a kubeconfig. */
export const localAdmin: Identity = { user: 'kubectl', groups: [adminGroup, everybody] };

/** undefined = a token that nobody has; it is never taken for anonymous (recorded: "auth: bad token"). */
export function identify(headers: IncomingHttpHeaders, tokens: Tokens, without: Identity): Identity | undefined {
  const header = headers.authorization;
  if (header === undefined) return without;
  const token = /^Bearer (.+)$/i.exec(header)?.[1];
  const identity = token === undefined ? undefined : tokens.get(token);
  if (identity === undefined || identity.groups.includes(everybody)) return identity;
  return { ...identity, groups: [...identity.groups, everybody] };
}

export const isAuthenticated = (identity: Identity): boolean => identity.groups.includes(everybody);

export function unauthorized(): KubernetesStatus {
  return new KubernetesStatus({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}
