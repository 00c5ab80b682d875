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
import type { Learnt, ProbeReport, ProbeStepId, ProbeVerdict } from './probeReport.ts';
import { ProbeSteps, StepFailed } from './probeSteps.ts';
import { ProbeRefusal, probeWords, provesFailure } from './probeWords.ts';

interface Finding {
  readonly verdict: ProbeVerdict;
  readonly because?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Probe {
  readonly agent: ProbeAgent;
  readonly steps: ProbeSteps;
  readonly learnt: Mutable<Learnt> = {};
  at: EpochMs | undefined;
  readonly #deps: ProbeDeps;
  #listener: ProbeListener | undefined;
  #ear: ListenerEar | undefined;

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
    this.agent = new ProbeAgent(deps);
    this.steps = new ProbeSteps(deps);
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

  /** Read rights, the server's time, and what earlier probes left. */
  async #look(): Promise<void> {
    const { pools, policy } = this.#deps;
    const agents = await this.steps.take('readAgents', async () => {
      const { value, at } = await pools.listAgents(policy.poolId);
      this.at = at;
      return { text: `${value.length} registered`, value };
    });
    await this.steps.take('readRequests', async () => {
      const { value } = await pools.listJobRequests(policy.poolId);
      return { text: `${value.length} unfinished`, value: undefined };
    });
    await this.steps.tryOut('readParallelJobs', async () => {
      const { total, used } = await pools.getParallelJobs();
      return `${used} of ${total} in use`;
    });
    this.#notePlaceholders(agents);
    await this.steps.tryOut('removeLeftovers', async () => {
      const { removed, kept } = await removeLeftovers(this.#deps, agents, this.at ?? 0);
      if (kept.length > 0) throw new ProbeRefusal(`left alone: ${kept.join(', ')}`, false);
      return removed === 0 ? 'nothing' : `${removed} removed`;
    });
  }

  #notePlaceholders(agents: readonly Agent[]): void {
    const scope = scopeOf(this.#deps.policy);
    const seen = agents.filter(({ name }) => parseName(scope, name)?.kind === 'placeholder').length;
    if (seen > 0) this.steps.note('seePlaceholder', 'passed', `${seen} of ${this.#deps.policy.templates.length}`);
    else this.steps.note('seePlaceholder', 'noted', 'none yet; the first pass over the pool registers them');
  }

  /** Registered and seen to be disabled: from here on it may go online. */
  async #register(): Promise<AgentFiles> {
    const files = await this.steps.take('register', async () => ({
      value: await this.agent.register(),
      text: this.agent.name,
    }));
    await this.steps.take('keepDisabled', async () => {
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
    await this.steps.take('signIn', async () => {
      await this.#insist('signIn', () => listener.signIn());
      return { text: '', value: undefined };
    });
    await this.steps.take('openSession', async () => {
      await this.#insist('openSession', () => listener.openSession(sessionCapabilities));
      this.#ear = new ListenerEar(listener, clock);
      return { text: '', value: undefined };
    });
    await this.steps.take('readBack', async () => {
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
    await this.steps.tryOut('disable', async () => {
      try {
        await this.agent.disable();
      } catch (error) {
        if (hasErrorKind(error, 'invalid', 'conflict')) this.learnt.disableWhileOnline = 'refused';
        throw error;
      }
      const { online } = await this.agent.read();
      this.learnt.disableWhileOnline = 'accepted';
      return online ? 'it stays online' : 'it goes offline';
    });
    await this.steps.tryOut('delete', () => this.#deleteWhileIdle());
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

  /** Whatever happened: the session ends, the agent goes. Never rejects. */
  async cleanUp(): Promise<string | undefined> {
    await this.#ear?.stop();
    if (this.#ear !== undefined) await this.#listener?.closeSession().catch(() => undefined);
    const left = await this.agent.remove();
    this.#listener?.end();
    if (left !== undefined) this.steps.note('cleanUp', 'failed', left);
    else if (this.steps.triedToRegister) this.steps.note('cleanUp', 'passed', '');
    return left;
  }
}

/** An agent that is refused its deletion with a session and without one cannot be taken away at all. */
function afterCleaning(finding: Finding, { agent, learnt }: Probe): Finding {
  if (finding.verdict !== 'works' || !agent.wasKept || learnt.deleteWhileIdle !== 'refused') return finding;
  return { verdict: 'fails', because: 'the server does not let its agents be deleted, so their keys would live on' };
}

/** Never rejects for what the outside does; a signal that is aborted ends it early, after cleaning up. */
export async function probePool(deps: ProbeDeps): Promise<ProbeReport> {
  const { policy } = deps;
  const probe = new Probe(deps);
  const examined = await probe.examine();
  const left = await probe.cleanUp();
  const finding = afterCleaning(examined, probe);
  const outcome = { ...finding, learnt: probe.learnt, ...(probe.at !== undefined && { at: probe.at }) };
  const recorded = await recordProbe(deps.clusters, policy.poolId, outcome);
  noteRecord(probe, outcome.verdict, recorded);
  return {
    ...outcome,
    organisation: policy.organisation.name,
    poolId: policy.poolId,
    poolName: policy.poolName,
    agentName: probe.agent.name,
    steps: probe.steps.all,
    ...(left !== undefined && { leftBehind: left }),
    ...recorded,
  };
}

function noteRecord(
  probe: Probe,
  verdict: ProbeVerdict,
  { recordedIn, notRecordedIn }: Pick<ProbeReport, 'recordedIn' | 'notRecordedIn'>,
): void {
  if (verdict === 'inconclusive') probe.steps.note('record', 'noted', 'nothing, because nothing is certain');
  else if (notRecordedIn.length > 0) probe.steps.note('record', 'failed', `not in ${notRecordedIn.join(', ')}`);
  else probe.steps.note('record', 'passed', `in ${recordedIn.join(', ')}`);
}
