/** What the live probe works with. */
import type { Capabilities } from '../domain/agent.ts';
import { secondsMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';
import type { AgentFiles } from '../plan/agentFiles.ts';
import type { AgentKeys, AgentPools, Clock, Cluster, Nonces } from '../ports.ts';
import type { ProbeStep } from './probeReport.ts';

/** A listener that says only what it is told to, with the agent's key and nothing else. Rejects with UpstreamError. */
export interface ProbeListener {
  /** Exchanges a token: a signed assertion for an access token. */
  signIn(): Promise<void>;
  openSession(capabilities: Capabilities): Promise<void>;
  /** The type of the next message, which is left where it is; undefined = the server held the call and had none. */
  poll(signal: AbortSignal): Promise<string | undefined>;
  closeSession(): Promise<void>;
  /** Ends whatever call still runs. */
  end(): void;
}

/** Reads the files as an agent does. `clock` tells the server's time: the life of an assertion is measured by it. */
export type ConnectListener = (files: AgentFiles, clock: Clock) => ProbeListener;

/** In ms, or counts. */
export interface ProbeTimes {
  /** Between two looks at what may take a moment. */
  readonly pauseMs: number;
  /** How often a refusal of the fresh agent is tried again. */
  readonly repetitions: number;
  /** How often an agent that has a session is looked at until it shows as online. */
  readonly looks: number;
  /** How long the listener of the deleted agent may wait for its answer: a poll is held for 50 s (agent#2681). */
  readonly toldMs: number;
}

export const probeTimes: ProbeTimes = { pauseMs: secondsMs(2), repetitions: 2, looks: 10, toldMs: secondsMs(70) };

export interface ProbeDeps {
  readonly policy: PoolPolicy;
  readonly pools: AgentPools;
  /** All of the pool. */
  readonly clusters: readonly Cluster[];
  readonly keys: AgentKeys;
  readonly nonces: Nonces;
  readonly clock: Clock;
  readonly connect: ConnectListener;
  /** Aborted = no further step; what was begun is cleaned up all the same. */
  readonly signal: AbortSignal;
  readonly times?: ProbeTimes;
  readonly onStep?: (step: ProbeStep) => void;
}
