/** An agent as registered in a pool. `enabled` = may be given jobs; `online` = its listener has a session. */
import type { EpochMs } from './instant.ts';

export type Capabilities = Readonly<Record<string, string>>;

export interface CompletedRequest {
  readonly id: number;
  readonly finishedAt?: EpochMs;
}

export interface Agent {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly enabled: boolean;
  readonly online: boolean;
  readonly createdAt?: EpochMs;
  readonly statusChangedAt?: EpochMs;
  /** System and user capabilities together; user ones win, as on the server. */
  readonly capabilities: Capabilities;
  /** What people added on the server; part of `capabilities`. */
  readonly userCapabilities?: Capabilities;
  /** The unfinished request that reserves it, as the agent resource itself tells. */
  readonly assignedRequestId?: number;
  readonly lastCompletedRequest?: CompletedRequest;
  readonly updatePending: boolean;
}

/** What is sent to register an agent. Without a public key it is a placeholder: nothing can ever connect as it. */
export interface NewAgent {
  readonly name: string;
  readonly version: string;
  readonly osDescription: string;
  readonly capabilities: Capabilities;
  /** False = it shall be given no job from its first moment on. Default: true. */
  readonly enabled?: boolean;
  readonly publicKey?: { readonly exponent: string; readonly modulus: string };
}

/** What the server answers to a registration and the agent's files need. */
export interface RegisteredAgent {
  readonly id: number;
  readonly name: string;
  /** Absent for a placeholder. */
  readonly authorization?: { readonly clientId: string; readonly authorizationUrl: string };
  readonly serverUrl?: string;
}
