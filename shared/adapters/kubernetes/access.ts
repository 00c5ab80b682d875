/** How a cluster is reached, and the connection that comes of it: the SDK's KubeConfig with one pool of sockets. */
import type { RequestContext, User } from '@kubernetes/client-node';
import { UpstreamError } from '../../domain/errors.ts';
import type { Secret } from '../../domain/secret.ts';
import type { TokenSource } from '../../ports.ts';
import { isLoopback } from '../loopback.ts';

export type KubernetesAccess =
  /** The text of a kubeconfig. `tokens` replaces its user: the exec plugins of AKS are not installed here. */
  | { readonly kind: 'kubeconfig'; readonly text: Secret; readonly context?: string; readonly tokens?: TokenSource }
  | { readonly kind: 'kubeconfigFile'; readonly path: string; readonly context?: string }
  | { readonly kind: 'inCluster' }
  /** `caData` is base64 as in a kubeconfig; without it the machine's own trust decides. */
  | {
      readonly kind: 'server';
      readonly server: string;
      readonly caData?: string;
      readonly token: Secret | TokenSource;
    };

/** The resource of AKS at Entra; the same in every tenant. */
export const aksScope = '6dae42f8-4368-4678-94ff-3960e28e3630/.default';

type Sdk = typeof import('./sdk.ts');
type KubeConfig = InstanceType<Sdk['KubeConfig']>;

/** Loads `access`; throws what the SDK throws where it cannot be read. */
export function kubeConfigOf(sdk: Sdk, access: KubernetesAccess): KubeConfig {
  const config = pooled(sdk);
  load(config, access);
  const tokens = tokenSourceOf(access);
  if (tokens !== undefined) authenticate(config, tokens);
  return config;
}

/**
 * The SDK makes a new undici Agent for each request as soon as there is a CA or a client certificate (2.0.1: 15
 * requests, 15 TLS handshakes). We keep the first one. A cluster whose CA is replaced needs a new process.
 */
function pooled(sdk: Sdk): KubeConfig {
  class PooledKubeConfig extends sdk.KubeConfig {
    #dispatcher: ReturnType<RequestContext['getDispatcher']>;

    override async applySecurityAuthentication(context: RequestContext): Promise<void> {
      await super.applySecurityAuthentication(context);
      this.#dispatcher ??= context.getDispatcher();
      if (this.#dispatcher !== undefined) context.setDispatcher(this.#dispatcher);
    }
  }
  return new PooledKubeConfig();
}

function load(config: KubeConfig, access: KubernetesAccess): void {
  switch (access.kind) {
    case 'kubeconfig':
      config.loadFromString(access.text.reveal());
      if (access.context !== undefined) config.setCurrentContext(access.context);
      return;
    case 'kubeconfigFile':
      config.loadFromFile(access.path);
      if (access.context !== undefined) config.setCurrentContext(access.context);
      return;
    case 'inCluster':
      config.loadFromCluster();
      return;
    case 'server':
      loadServer(config, access);
  }
}

function loadServer(config: KubeConfig, access: KubernetesAccess & { readonly kind: 'server' }): void {
  const { server, caData, token } = access;
  const plain = server.startsWith('http:');
  // A token over plain HTTP is readable on the way; the stand-ins on this machine are the only exception.
  if (plain && !isLoopback(server)) {
    const operation = 'reading the access to the cluster';
    throw new UpstreamError({ upstream: 'kubernetes', operation, kind: 'invalid', detail: `${server} is not https` });
  }
  config.loadFromClusterAndUser(
    { name: 'cluster', server, skipTLSVerify: plain, ...(caData !== undefined && { caData }) },
    { name: 'user', ...(!isTokenSource(token) && { token: token.reveal().trim() }) },
  );
}

const isTokenSource = (token: Secret | TokenSource): token is TokenSource => 'getToken' in token;

function tokenSourceOf(access: KubernetesAccess): TokenSource | undefined {
  if (access.kind === 'kubeconfig') return access.tokens;
  return access.kind === 'server' && isTokenSource(access.token) ? access.token : undefined;
}

const providerName = 'mayfly';

/** Called by the SDK before each request, so that a token is never older than its source says. */
function authenticate(config: KubeConfig, tokens: TokenSource): void {
  const name = config.getCurrentUser()?.name ?? 'user';
  const user: User = { name, authProvider: { name: providerName } };
  config.users = [...config.users.filter((other) => other.name !== name), user];
  config.addAuthenticator({
    isAuthProvider: (candidate) => candidate.authProvider?.name === providerName,
    applyAuthentication: async (_user, options) => {
      const { token } = await tokens.getToken(aksScope);
      Object.assign(options.headers ?? {}, { Authorization: `Bearer ${token.reveal()}` });
    },
  });
}
