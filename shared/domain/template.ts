import type { Capabilities } from './agent.ts';
import type { BootCause } from './agentJob.ts';
import type { ImagePolicy } from './imagePolicy.ts';
import type { JsonObject } from './json.ts';

/** Values that a pipeline may choose by demand; what is not listed cannot be had. */
export interface TemplateParameters {
  /** CPU quantities: `mayfly.cpu.4` demands the value 4. */
  readonly cpu: readonly string[];
  readonly memory: readonly string[];
  /** Image references, with digest, by the name that demands give: `mayfly.image.node22`. */
  readonly image: Readonly<Record<string, string>>;
}

/** One value of each parameter that a request chose; for the others the template's own holds. */
export interface ChosenParameters {
  readonly cpu?: string;
  readonly memory?: string;
  /** The name of the image, not its reference. */
  readonly image?: string;
}

/** The way out of the cluster; without one, whatever the cluster lets out. */
export interface TemplateProxy {
  /** Without user and password: it becomes an environment variable of every step. */
  readonly url: string;
  /** Hosts, domains with all below them, addresses, IPv4 ranges. */
  readonly bypass: readonly string[];
  /** A Secret of the agents' namespace with PROXY_USER, PROXY_PW, HTTP_PROXY and HTTPS_PROXY. */
  readonly secret?: string;
}

/** Certificates that all tools trust: the public roots and one's own in one PEM file. */
export interface CaBundle {
  /** A ConfigMap of the agents' namespace. */
  readonly configMap: string;
  readonly key: string;
}

/** Our recipe for an agent: what it offers, what it runs, how much it may take. */
export interface Template {
  readonly name: string;
  readonly image: string;
  /** The version of the agent package inside the image; undefined = not known (yet), and no agent can be made of it. */
  readonly agentVersion: string | undefined;
  /** The same of images that a request may choose, by reference; absent = they have that of the template's own. */
  readonly imageVersions?: Readonly<Record<string, string>>;
  /** Why a registry could not tell it. */
  readonly unread?: string;
  /** The rebuilt image that takes the place of `image` as soon as one has been proven. */
  readonly rebuilt?: string;
  readonly os: 'linux' | 'windows';
  readonly architecture: 'amd64' | 'arm64';
  readonly capabilities: Capabilities;
  /** Demands that are granted without the image really having them: advertised by placeholder and agent alike. */
  readonly grantedDemands: readonly string[];
  /** Relative; the cheapest template that satisfies a request is used. */
  readonly cost: number;
  readonly parameters: TemplateParameters;
  /** Where no node takes its pod for so long, in ms, the request is served by that template instead. */
  readonly fallback?: { readonly template: string; readonly afterMs: number };
  readonly maxAgents: number;
  readonly cpu: string;
  readonly memory: string;
  readonly terminationGraceSeconds: number;
  /** The image is the user's own: an init container of this one copies the agent into the pod. */
  readonly inject?: { readonly image: string };
  readonly proxy?: TemplateProxy;
  readonly caBundle?: CaBundle;
  /** Of the pod, beside those that Mayfly sets. */
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Merged over the generated pod spec; protected paths are refused. */
  readonly pod: JsonObject;
}

/** How long each cause may keep an agent from coming online before the attempt counts as failed, in ms. */
export type BootLimits = Readonly<Record<BootCause, number>>;

export type Registration = 'auto' | 'jit' | 'initConfig';

/** 0 = Sunday, as in JavaScript and cron. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Idle agents kept ahead of demand while wall clocks in `zone` show a time within. */
export interface WarmSchedule {
  readonly template: string;
  readonly count: number;
  /** The days on which a period begins. */
  readonly weekdays: readonly Weekday[];
  /** Minutes since midnight, from inclusive to exclusive; `to` at or before `from` ends on the next day. */
  readonly from: number;
  readonly to: number;
  /** IANA name. */
  readonly zone: string;
}

export interface RunPolicy {
  /** A request that can never be served is told to its run, by a tag, after this long, in ms. */
  readonly tellAfterMs: number;
  /** Its run is cancelled after this long; absent = never. */
  readonly cancelAfterMs?: number;
  /** Pipeline jobs that were lost with their pod are run again, once. */
  readonly rerunLost: boolean;
}

/** All that decides about one pool. */
export interface PoolPolicy {
  /** Four characters; the mark of all we own. */
  readonly installation: string;
  readonly organisation: { readonly name: string; readonly url: string; readonly short: string };
  readonly poolId: number;
  readonly poolName: string;
  /** Shadow = plan and explain, touch nothing: to run beside another scaler or static agents. */
  readonly mode: 'active' | 'shadow';
  /**
   * Who registers agents: the control plane (`jit`), or an init container with a short-lived credential of a pool-only
   * identity (`initConfig`). `auto` = jit once the probe has shown that it works here.
   */
  readonly registration: Registration;
  readonly hasRegistrationCredential: boolean;
  /** Pools of one group share parallel jobs. */
  readonly licenceGroup: string;
  /** Orders versions of the configuration: what left it is removed only by the newest. */
  readonly generation?: number;
  /** In order of preference at equal cost. */
  readonly templates: readonly Template[];
  /** Images that Mayfly rebuilds, as far as templates of this pool run them. */
  readonly images?: readonly ImagePolicy[];
  /** Ids of other pools that run any of these, whose maps tell what is in force where those of this pool do not. */
  readonly imagePools?: readonly number[];
  /** Serves requests that demand nothing beyond what every agent has, whatever its cost. */
  readonly defaultTemplate?: string;
  readonly warm: readonly WarmSchedule[];
  /** An idle warm agent older than this is replaced, in ms. */
  readonly warmMaxAgeMs: number;
  readonly clusters: readonly string[];
  readonly maxAgents: number;
  /** Parallel jobs of the organisation: read from it, a number, or no limit of ours. */
  readonly parallelJobs: 'auto' | number | 'unlimited';
  readonly foreignAgents: 'count' | 'ignore';
  readonly maxCreationsPerPass: number;
  readonly bootLimits: BootLimits;
  /** An idle agent younger than this is never surplus, in ms. */
  readonly idleMinimumMs: number;
  /** After the agent is deleted, how long its pod may take to end by itself, in ms. */
  readonly endGraceMs: number;
  /** An assigned request is taken for this long, then waiting again, in ms. */
  readonly assignmentGraceMs: number;
  /** How long a registered agent without agent job is left alone, in ms. */
  readonly ghostGraceMs: number;
  /** How long a request may face an idle capable agent before we call it a contradiction, in ms. */
  readonly notAssignedGraceMs: number;
  readonly backoff: {
    readonly firstMs: number;
    readonly maximumMs: number;
    /** Failures of one template for so many different requests, inside the window, open its breaker. */
    readonly breakerFailures: number;
    readonly breakerWindowMs: number;
    /** While open, one probe is let through this often. */
    readonly breakerProbeMs: number;
  };
  readonly createByMs: number;
  readonly maxGhostsPerPass: number;
  /** Failed pods are kept for whoever debugs them: so long, in ms, and so many of a pool in each cluster. */
  readonly keepFailed: { readonly forMs: number; readonly most: number };
  /** A pipeline job that runs longer is told as an alarm; where `ends`, its pod is ended, as is one that renews no lease. */
  readonly maxJobAge: { readonly ms: number; readonly ends: boolean };
  /** What the runs of requests are told, and asked. */
  readonly runs: RunPolicy;
}
