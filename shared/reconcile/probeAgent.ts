/**
 * The throw-away agent of the live probe.
 *
 * It must never take anybody's job. Azure DevOps gives a request to any agent that is enabled, online and capable, and
 * a request without demands finds every agent capable. So this one is never enabled and online at a time: it is
 * registered as disabled; nobody can be online as it before the token exchange; and that comes only after the server
 * itself has shown it as disabled. From then on nothing enables it. What a disabled agent offers is still looked at
 * when jobs are queued, so it offers two capabilities that nobody demands, and not the version that every job does.
 *
 * Should the server assign a request all the same, the agent is not deleted (that would lose the request), its session
 * is closed without a word on the message (so that another agent can have it), and a person is told.
 */
import type { Agent, Capabilities, RegisteredAgent } from '../domain/agent.ts';
import { errorKind, hasErrorKind } from '../domain/errors.ts';
import { probeAgentName } from '../domain/names.ts';
import { type AgentFiles, agentServerUrl, buildAgentFiles } from '../plan/agentFiles.ts';
import { scopeOf } from '../plan/view.ts';
import type { AgentKey } from '../ports.ts';
import type { ProbeDeps } from './probeDeps.ts';
import type { Learnt } from './probeReport.ts';
import { ProbeRefusal, RequestGiven } from './probeWords.ts';

const mark = 'mayfly.doctor';
const registeredCapabilities: Capabilities = { [`${mark}.registered`]: '1', [`${mark}.both`]: 'registered' };
export const sessionCapabilities: Capabilities = { [`${mark}.session`]: '1', [`${mark}.both`]: 'session' };

type Deps = Pick<ProbeDeps, 'policy' | 'pools' | 'keys' | 'nonces'>;

export class ProbeAgent {
  readonly name: string;
  readonly #deps: Deps;
  #id: number | undefined;
  /** A registration was sent and not refused: the agent may exist even if no reply came. */
  #mayExist = false;
  #mustStay = false;
  #wasKept = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.name = probeAgentName(scopeOf(deps.policy), deps.nonces.next());
  }

  /** Registers it, as disabled, and answers the files with which an agent listens. */
  async register(): Promise<AgentFiles> {
    const { keys, pools, policy } = this.#deps;
    const key = await keys.generate();
    const [template] = policy.templates;
    if (template === undefined) throw new ProbeRefusal('the pool has no template', false);
    const { agentVersion: version, name, unread = 'its image has no label' } = template;
    if (version === undefined)
      throw new ProbeRefusal(`the agent version of template ${name} is not known: ${unread}`, false);
    this.#mayExist = true;
    const registered = await pools
      .addAgent(policy.poolId, {
        name: this.name,
        version,
        osDescription: 'Throw-away agent of mayfly doctor',
        capabilities: registeredCapabilities,
        enabled: false,
        publicKey: key.publicKey,
      })
      .catch((error: unknown) => {
        // A POST that was refused made nothing; one without an answer, or sent twice by a proxy, may have.
        this.#mayExist = !hasErrorKind(error, 'forbidden', 'unauthorized', 'invalid', 'notFound', 'throttled');
        throw error;
      });
    this.#id = registered.id;
    return this.#filesOf(registered, key);
  }

  #filesOf(registered: RegisteredAgent, key: AgentKey): AgentFiles {
    const { policy } = this.#deps;
    const { authorization } = registered;
    if (authorization === undefined) {
      throw new ProbeRefusal('the server takes the agent but answers no client id and token address for it', true);
    }
    return buildAgentFiles({
      agentName: this.name,
      agentId: registered.id,
      poolId: policy.poolId,
      poolName: policy.poolName,
      serverUrl: agentServerUrl(policy.organisation.url, registered.serverUrl),
      ...authorization,
      rsaParameters: key.rsaParameters,
      capabilities: registeredCapabilities,
    });
  }

  /** As the server shows it. Rejects when it is gone, and when it was given a request. */
  async read(): Promise<Agent> {
    const agent =
      this.#id === undefined ? undefined : await this.#deps.pools.getAgent(this.#deps.policy.poolId, this.#id);
    if (agent === undefined) throw new ProbeRefusal('the server does not know the agent any more', false);
    if (agent.assignedRequestId !== undefined) this.wasGivenJob();
    return agent;
  }

  /** Throws. From now on it is never deleted. */
  wasGivenJob(): never {
    this.#mustStay = true;
    throw new RequestGiven();
  }

  async disable(): Promise<void> {
    const { pools, policy } = this.#deps;
    await pools.updateAgent(policy.poolId, { id: this.#id ?? 0, name: this.name, enabled: false });
  }

  /** Looks for a request first: deleting is what must never happen to an agent that holds one. */
  async delete(): Promise<'deleted' | 'absent' | 'refused'> {
    const { id } = await this.read();
    return this.#deps.pools.deleteAgent(this.#deps.policy.poolId, id);
  }

  /** Takes it away if it is there. undefined = the server says that it is gone; else what a person must know. */
  async remove(): Promise<string | undefined> {
    if (!this.#mayExist) return undefined;
    try {
      const agent = await this.#find();
      if (agent === undefined) return undefined;
      if (this.#mustStay || agent.assignedRequestId !== undefined) return this.#stays(agent);
      const answer = await this.#deps.pools.deleteAgent(this.#deps.policy.poolId, agent.id);
      this.#wasKept = answer === 'refused';
      if (this.#wasKept) return `The server refuses to delete agent ${this.name} (${agent.id}).`;
      return (await this.#find()) === undefined ? undefined : `Agent ${this.name} is still there after its deletion.`;
    } catch (error) {
      return `Agent ${this.name} may still be registered (${errorKind(error)}). It is disabled and nobody has its key; a run after an hour removes it.`;
    }
  }

  /** The server refused to let it go although it held nothing. */
  get wasKept(): boolean {
    return this.#wasKept;
  }

  /** The name holds chance of our own, so whatever bears it is ours. */
  #find(): Promise<Agent | undefined> {
    const { pools, policy } = this.#deps;
    return this.#id === undefined ? pools.findAgent(policy.poolId, this.name) : pools.getAgent(policy.poolId, this.#id);
  }

  #stays({ id, assignedRequestId }: Agent): string {
    const which = assignedRequestId === undefined ? 'a job' : `request ${assignedRequestId}`;
    return `Agent ${this.name} (${id}) was given ${which} although it is disabled. It stays registered, because deleting it would lose the job; its session is closed, so that another agent can have it. Look after that job, and delete the agent when it holds nothing.`;
  }
}

/** What became of the registered capabilities when the session came with its own. */
export function capabilitiesAfter({ capabilities }: Agent): NonNullable<Learnt['capabilities']> {
  const holds = (wanted: Capabilities): boolean =>
    Object.entries(wanted).every(([name, value]) => capabilities[name] === value);
  if (holds(sessionCapabilities)) return `${mark}.registered` in capabilities ? 'merged' : 'replaced';
  return holds(registeredCapabilities) && !(`${mark}.session` in capabilities) ? 'kept' : 'mixed';
}
