/**
 * The live probe: does this organisation take agents that Mayfly registers (`jit`)? It registers one, signs in with its
 * key, opens a session, and takes it away again, in a pool where real jobs run. What could not be found out is never
 * recorded: a wrong "fails" costs credentials in pods, a wrong "works" costs jobs.
 */
import type { Agent } from '../domain/agent.ts';
import { hasErrorKind } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { parseName } from '../domain/names.ts';
import type { AgentFiles } from '../plan/agentFiles.ts';
import { scopeOf } from '../plan/view.ts';
import type { Clock } from '../ports.ts';
import { capabilitiesAfter, ProbeAgent, sessionCapabilities } from './probeAgent.ts';
import { type ProbeDeps, type ProbeListener, probeTimes } from './probeDeps.ts';
import { ListenerEar } from './probeEar.ts';
import { removeLeftovers } from './probeLeftovers.ts';
import { recordProbe } from './probeRecord.ts';
import type { Learnt, ProbeReport, ProbeStep, ProbeStepId, ProbeVerdict } from './probeReport.ts';
import { ProbeRefusal, probeWords, provesFailure, RequestGiven } from './probeWords.ts';

interface Finding {
  readonly verdict: ProbeVerdict;
  readonly because?: string;
}

/** A step without which the next ones make no sense. */
class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly step: ProbeStepId;
  override readonly cause: unknown;

  constructor(step: ProbeStepId, cause: unknown) {
    super(step);
    this.step = step;
    this.cause = cause;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Probe {
  readonly agent: ProbeAgent;
  readonly steps: ProbeStep[] = [];
  readonly learnt: Mutable<Learnt> = {};
  at: EpochMs | undefined;
  readonly #deps: ProbeDeps;
  #listener: ProbeListener | undefined;
  #ear: ListenerEar | undefined;

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
    this.agent = new ProbeAgent(deps);
  }

  async examine(): Promise<Finding> {
    try {
      await this.#look();
      const files = await this.#register();
      await this.#connect(files);
      await this.#learn();
      return { verdict: 'works' };
    } catch (error) {
      return this.#finding(error);
    }
  }

  #finding(error: unknown): Finding {
    if (this.#deps.signal.aborted) return { verdict: 'inconclusive', because: 'it was interrupted' };
    const { step, cause } = error instanceof StepFailed ? error : { step: 'readAgents' as const, cause: error };
    const verdict = provesFailure(step, cause) ? 'fails' : 'inconclusive';
    return { verdict, because: probeWords(step, cause) };
  }

  note(id: ProbeStepId, mark: ProbeStep['mark'], text: string): void {
    const step = { id, mark, text };
    this.steps.push(step);
    this.#deps.onStep?.(step);
  }

  async #step<T>(id: ProbeStepId, work: () => Promise<{ readonly text: string; readonly value: T }>): Promise<T> {
    this.#deps.signal.throwIfAborted();
    try {
      const { text, value } = await work();
      this.note(id, 'passed', text);
      return value;
    } catch (error) {
      if (!this.#deps.signal.aborted) this.note(id, 'failed', probeWords(id, error));
      throw new StepFailed(id, error);
    }
  }

  /** A step whose failure leaves the question open no further; only a request that the agent was given ends the probe. */
  async #optional(id: ProbeStepId, work: () => Promise<string>): Promise<void> {
    try {
      await this.#step(id, async () => ({ text: await work(), value: undefined }));
    } catch (error) {
      const ends = error instanceof StepFailed && error.cause instanceof RequestGiven;
      if (ends || this.#deps.signal.aborted) throw error;
    }
  }

  /** Read rights, the server's time, and what earlier probes left. */
  async #look(): Promise<void> {
    const { pools, policy } = this.#deps;
    const agents = await this.#step('readAgents', async () => {
      const { value, at } = await pools.listAgents(policy.poolId);
      this.at = at;
      return { text: `${value.length} registered`, value };
    });
    await this.#step('readRequests', async () => {
      const { value } = await pools.listJobRequests(policy.poolId);
      return { text: `${value.length} unfinished`, value: undefined };
    });
    await this.#optional('readParallelJobs', async () => {
      const { total, used } = await pools.getParallelJobs();
      return `${used} of ${total} in use`;
    });
    this.#notePlaceholders(agents);
    await this.#optional('removeLeftovers', async () => {
      const { removed, kept } = await removeLeftovers(this.#deps, agents, this.at ?? 0);
      if (kept.length > 0) throw new ProbeRefusal(`left alone: ${kept.join(', ')}`, false);
      return removed === 0 ? 'nothing' : `${removed} removed`;
    });
  }

  #notePlaceholders(agents: readonly Agent[]): void {
    const scope = scopeOf(this.#deps.policy);
    const seen = agents.filter(({ name }) => parseName(scope, name)?.kind === 'placeholder').length;
    if (seen > 0) this.note('seePlaceholder', 'passed', `${seen} of ${this.#deps.policy.templates.length}`);
    else this.note('seePlaceholder', 'noted', 'none yet; the first pass over the pool registers them');
  }

  /** Registered and seen to be disabled: from here on it may go online. */
  async #register(): Promise<AgentFiles> {
    const files = await this.#step('register', async () => ({
      value: await this.agent.register(),
      text: this.agent.name,
    }));
    await this.#step('keepDisabled', async () => {
      const asRegistered = await this.agent.read();
      this.learnt.registration = asRegistered.enabled ? 'ignores enabled=false' : 'heeds enabled=false';
      if (asRegistered.enabled) await this.agent.disable();
      if ((await this.agent.read()).enabled) {
        throw new ProbeRefusal('it cannot be disabled; it is not connected, or it could be given a job', false);
      }
      return { text: asRegistered.enabled ? 'by a second call' : 'by its registration', value: undefined };
    });
    return files;
  }

  async #connect(files: AgentFiles): Promise<void> {
    const { clock, connect } = this.#deps;
    // Signed with the server's time. Whether this machine's clock is right says nothing of what a pod may do.
    const aheadMs = clock.now() - (this.at ?? clock.now());
    const serverClock: Clock = { now: () => clock.now() - aheadMs, sleep: (ms, signal) => clock.sleep(ms, signal) };
    const listener = connect(files, serverClock);
    this.#listener = listener;
    await this.#step('signIn', async () => {
      await this.#insist('signIn', () => listener.signIn());
      return { text: '', value: undefined };
    });
    await this.#step('openSession', async () => {
      await this.#insist('openSession', () => listener.openSession(sessionCapabilities));
      this.#ear = new ListenerEar(listener, clock);
      return { text: '', value: undefined };
    });
    await this.#step('readBack', async () => {
      const agent = await this.#readOnline();
      this.learnt.capabilities = capabilitiesAfter(agent);
      return { text: `online, disabled, capabilities ${this.learnt.capabilities}`, value: undefined };
    });
  }

  /** A fresh agent may not be known everywhere at once (inferred): only what is refused again and again is refused. */
  async #insist(step: ProbeStepId, attempt: () => Promise<void>): Promise<void> {
    const { times = probeTimes, clock, signal } = this.#deps;
    for (let repetition = 0; ; repetition++) {
      try {
        await attempt();
        if (repetition > 0) this.learnt.slowToBeKnown = true;
        return;
      } catch (error) {
        if (repetition === times.repetitions || !provesFailure(step, error)) throw error;
      }
      await clock.sleep(times.pauseMs, signal);
    }
  }

  async #readOnline(): Promise<Agent> {
    const { times = probeTimes, clock, signal } = this.#deps;
    for (let look = 1; ; look++) {
      const agent = await this.agent.read();
      if (agent.enabled) throw new ProbeRefusal('a session enables a disabled agent', false);
      if (agent.online) return agent;
      if (look >= times.looks) throw new ProbeRefusal('it has a session and does not show as online', false);
      await clock.sleep(times.pauseMs, signal);
    }
  }

  /** What is worth knowing and does not decide. */
  async #learn(): Promise<void> {
    await this.#optional('disable', async () => {
      try {
        await this.agent.disable();
      } catch (error) {
        if (hasErrorKind(error, 'invalid', 'conflict', 'forbidden')) this.learnt.disableWhileOnline = 'refused';
        throw error;
      }
      const { online } = await this.agent.read();
      this.learnt.disableWhileOnline = 'accepted';
      return online ? 'it stays online' : 'it goes offline';
    });
    await this.#optional('delete', () => this.#deleteWhileIdle());
  }

  async #deleteWhileIdle(): Promise<string> {
    const { times = probeTimes, clock, signal } = this.#deps;
    if (this.#ear?.heardJob === true) this.agent.wasGivenJob();
    const beganAt = clock.now();
    if ((await this.agent.delete()) === 'refused') {
      // Because of a job that it was given in between? Then this look throws.
      await this.agent.read();
      this.learnt.deleteWhileIdle = 'refused';
      throw new ProbeRefusal('refused, although it holds no request', false);
    }
    this.learnt.deleteWhileIdle = 'accepted';
    const told = await this.#ear?.answer(times.toldMs, signal);
    if (told === undefined) return 'its listener is told nothing';
    const afterMs = clock.now() - beganAt;
    this.learnt.listenerTold = `${told} after ${afterMs < 1000 ? 'less than a second' : `${Math.round(afterMs / 1000)} s`}`;
    return `its listener gets ${this.learnt.listenerTold}`;
  }

  #triedToRegister(): boolean {
    return this.steps.some(({ id }) => id === 'register');
  }

  /** Whatever happened: the session ends, the agent goes. Never rejects. */
  async cleanUp(): Promise<string | undefined> {
    await this.#ear?.stop();
    if (this.#ear !== undefined) await this.#listener?.closeSession().catch(() => undefined);
    const left = await this.agent.remove();
    this.#listener?.end();
    if (left !== undefined) this.note('cleanUp', 'failed', left);
    else if (this.#triedToRegister()) this.note('cleanUp', 'passed', '');
    return left;
  }
}

function afterCleaning(finding: Finding, learnt: Learnt, left: string | undefined): Finding {
  if (finding.verdict !== 'works' || left === undefined || learnt.deleteWhileIdle !== 'refused') return finding;
  return { verdict: 'fails', because: 'the server does not let its agents be deleted, so their keys would live on' };
}

/** Never rejects for what the outside does; a signal that is aborted ends it early, after cleaning up. */
export async function probePool(deps: ProbeDeps): Promise<ProbeReport> {
  const { policy } = deps;
  const probe = new Probe(deps);
  const examined = await probe.examine();
  const left = await probe.cleanUp();
  const finding = afterCleaning(examined, probe.learnt, left);
  const outcome = { ...finding, learnt: probe.learnt, ...(probe.at !== undefined && { at: probe.at }) };
  const recorded = await recordProbe(deps.clusters, policy.poolId, outcome);
  noteRecord(probe, outcome.verdict, recorded);
  return {
    ...outcome,
    organisation: policy.organisation.name,
    poolId: policy.poolId,
    poolName: policy.poolName,
    agentName: probe.agent.name,
    steps: probe.steps,
    ...(left !== undefined && { leftBehind: left }),
    ...recorded,
  };
}

function noteRecord(
  probe: Probe,
  verdict: ProbeVerdict,
  { recordedIn, notRecordedIn }: Pick<ProbeReport, 'recordedIn' | 'notRecordedIn'>,
): void {
  if (verdict === 'inconclusive') probe.note('record', 'noted', 'nothing, because nothing is certain');
  else if (notRecordedIn.length > 0) probe.note('record', 'failed', `not in ${notRecordedIn.join(', ')}`);
  else probe.note('record', 'passed', `in ${recordedIn.join(', ')}`);
}
