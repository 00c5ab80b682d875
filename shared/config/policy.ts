/** What mayfly.yaml says, checked and complete. Types only: importing this loads neither zod nor the YAML parser. */
import type { ClusterBuild } from '../domain/clusterBuild.ts';
import type { ImagePolicy } from '../domain/imagePolicy.ts';
import type { BootLimits, Registration, Template, WarmSchedule } from '../domain/template.ts';

/** Where a secret is to be read; the configuration itself never holds one. */
export type SecretReference =
  | { readonly kind: 'keyVault'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string };

export type OrganisationCredential =
  | { readonly kind: 'managedIdentity'; readonly clientId?: string }
  | { readonly kind: 'pat'; readonly secret: SecretReference };

export interface OrganisationConfig {
  readonly name: string;
  readonly url: string;
  /** Four characters that stand for it in names and labels. */
  readonly short: string;
  /** Passes of one session run one after the other: pools that share parallel jobs belong together. */
  readonly session: string;
  readonly credential: OrganisationCredential;
  /** Of an identity that may register agents and nothing else: init containers hold its short-lived token. */
  readonly registration?: OrganisationCredential;
  readonly parallelJobs: 'auto' | number | 'unlimited';
}

export type ClusterAccess =
  | { readonly kind: 'inCluster' }
  | { readonly kind: 'kubeconfigFile'; readonly path: string; readonly context?: string }
  | { readonly kind: 'kubeconfig'; readonly secret: SecretReference; readonly context?: string }
  /** With Entra tokens of the managed identity. `caData` is base64 as in a kubeconfig. */
  | { readonly kind: 'aks'; readonly server: string; readonly caData?: string; readonly clientId?: string }
  | { readonly kind: 'token'; readonly server: string; readonly caData?: string; readonly secret: SecretReference };

export interface ClusterConfig {
  readonly name: string;
  readonly namespace: string;
  readonly access: ClusterAccess;
}

/** Names refer to organisations, templates and clusters that exist. */
export interface PoolConfig {
  readonly organisation: string;
  readonly id: number;
  readonly name: string;
  readonly mode: 'active' | 'shadow';
  readonly registration: Registration;
  readonly templates: readonly string[];
  readonly defaultTemplate?: string;
  /** Of every template of this pool, beside its own. */
  readonly grantedDemands: readonly string[];
  readonly clusters: readonly string[];
  readonly maxAgents: number;
  readonly foreignAgents: 'count' | 'ignore';
  readonly warm: readonly WarmSchedule[];
  /** In ms. */
  readonly warmMaxAge: number;
  readonly limits: PoolLimits;
  /** In ms. */
  readonly runs: { readonly tellAfter: number; readonly cancelAfter?: number; readonly rerunLost: boolean };
}

/** In ms, or counts. The meaning of each is told at PoolPolicy. */
export interface PoolLimits {
  readonly assignmentGrace: number;
  readonly createBy: number;
  readonly idleMinimum: number;
  readonly endGrace: number;
  readonly ghostGrace: number;
  readonly notAssignedGrace: number;
  readonly maxCreationsPerPass: number;
  readonly maxGhostsPerPass: number;
  readonly keepFailed: { readonly for: number; readonly most: number };
  readonly maxJobAge: number;
  readonly endHung: boolean;
  readonly boot: BootLimits;
  readonly backoff: {
    readonly first: number;
    readonly maximum: number;
    readonly breakerFailures: number;
    readonly breakerWindow: number;
    readonly breakerProbe: number;
  };
}

export interface HooksConfig {
  readonly current: SecretReference;
  readonly previous?: SecretReference;
  /** In ms. */
  readonly rotateAfter: number;
  /** Projects whose subscriptions are written with each new secret; empty = it is never replaced. */
  readonly subscriptions: readonly {
    readonly organisation: string;
    readonly projects: readonly string[];
    readonly url: string;
  }[];
}

/** A personal access token that is kept alive. Times in ms. */
export interface TokenConfig {
  readonly name: string;
  readonly organisation: string;
  readonly keyVaultSecret: string;
  readonly mode: 'watch' | 'rotate';
  readonly scopes: readonly string[];
  readonly lifetime: number;
  readonly rotateBefore?: number;
  readonly grace: number;
  readonly secrets: readonly { readonly cluster: string; readonly secret: string; readonly key: string }[];
}

/** As whom tokens are made. */
export interface DelegatedUserConfig {
  readonly tenantId: string;
  readonly clientId: string;
  readonly keyVaultSecret: string;
}

export interface RegistryConfig {
  /** As images name it, in lower case. */
  readonly host: string;
  readonly credential:
    | { readonly kind: 'anonymous' }
    | { readonly kind: 'basic'; readonly username: string; readonly secret: SecretReference }
    | { readonly kind: 'acr'; readonly clientId?: string };
}

/** Who builds an image. */
export type ImageBuilderConfig =
  | {
      readonly kind: 'pipeline';
      readonly organisation: string;
      readonly project: string;
      readonly pipeline: number;
      readonly branch?: string;
    }
  | {
      readonly kind: 'acrTask';
      readonly subscriptionId: string;
      readonly resourceGroup: string;
      readonly registry: string;
      readonly clientId?: string;
      readonly timeoutSeconds: number;
      readonly request:
        | { readonly kind: 'task'; readonly task: string }
        | {
            readonly kind: 'dockerfile';
            readonly context: string;
            readonly dockerfile: string;
            readonly imageNames: readonly string[];
          };
    }
  | { readonly kind: 'cluster'; readonly cluster: string; readonly build: ClusterBuild };

/** An image of agents that Mayfly rebuilds. */
export interface ImageConfig {
  readonly policy: ImagePolicy;
  readonly builder: ImageBuilderConfig;
  /** A DaemonSet pulls the image in force onto the nodes of agents. */
  readonly prePull: boolean;
}

export interface MayflyConfig {
  /** Orders versions of the configuration; without it the source's own order holds. */
  readonly generation?: number;
  readonly installation: string;
  readonly organisations: readonly OrganisationConfig[];
  readonly clusters: readonly ClusterConfig[];
  readonly templates: readonly Template[];
  readonly pools: readonly PoolConfig[];
  readonly hooks?: HooksConfig;
  readonly serviceBus: { readonly queue: string };
  readonly keyVault?: { readonly url: string };
  readonly tokens: readonly TokenConfig[];
  readonly delegatedUser?: DelegatedUserConfig;
  readonly registries: readonly RegistryConfig[];
  readonly images: readonly ImageConfig[];
  /** registry/repository, registry/* or registry/path/*: images come from these alone. Never empty. */
  readonly allowedRepositories: readonly string[];
}
