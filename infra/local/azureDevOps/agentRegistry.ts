/** Pools and the agents registered in them. */

import { operator } from './events.ts';
import type { AgentPatch, AgentRecord, AgentRegistration, Pool } from './records.ts';
import type { Sessions } from './sessions.ts';
import type { AgentState, OrganisationState, PoolState } from './state.ts';
import { ofAgent, ofRequest } from './state.ts';
import { agentRecord } from './views.ts';
import { agentNotFound, WorldError } from './worldError.ts';

export class AgentRegistry {
  readonly #state: OrganisationState;
  readonly #sessions: Sessions;

  constructor(state: OrganisationState, sessions: Sessions) {
    this.#state = state;
    this.#sessions = sessions;
  }

  addPool(spec: { id?: number; name: string; autoUpdate?: boolean }): Pool {
    const id = spec.id ?? this.#state.next('pool', 10);
    if (this.#state.pools.has(id)) throw new RangeError(`pool ${id} exists`);
    const pool: PoolState = {
      id,
      name: spec.name,
      autoUpdate: spec.autoUpdate ?? true,
      agents: new Map(),
      agentsByName: new Map(),
      requests: [],
      unfinished: new Map(),
      finished: [],
    };
    this.#state.pools.set(id, pool);
    return asPool(pool);
  }

  updatePool(poolId: number, change: { autoUpdate?: boolean }): Pool {
    const pool = this.#state.pool(poolId);
    pool.autoUpdate = change.autoUpdate ?? pool.autoUpdate;
    return asPool(pool);
  }

  getPool(poolId: number): Pool {
    return asPool(this.#state.pool(poolId));
  }

  listPools(name?: string): readonly Pool[] {
    const pools = [...this.#state.pools.values()].map(asPool);
    return name === undefined ? pools : pools.filter((pool) => sameName(pool.name, name));
  }

  add(poolId: number, spec: AgentRegistration, by: string): AgentRecord {
    const pool = this.#state.pool(poolId);
    if (spec.name.trim() === '') throw new WorldError('ArgumentException', 400, 'An agent needs a name.');
    if (pool.agentsByName.has(spec.name.toLowerCase())) throw nameTaken(pool, spec.name);
    const agent: AgentState = {
      id: this.#state.next('agent'),
      pool,
      name: spec.name,
      version: spec.version ?? '',
      osDescription: spec.osDescription ?? '',
      enabled: (this.#state.limits.registersDisabled ? spec.enabled : undefined) ?? true,
      createdAt: this.#state.now(),
      // [I] Absent until the first session, whatever status the registration claims.
      statusChangedAt: undefined,
      systemCapabilities: spec.systemCapabilities ?? {},
      userCapabilities: spec.userCapabilities ?? {},
      matched: new Map(),
      updatePending: false,
      clientId: undefined,
      publicKey: undefined,
      session: undefined,
      reservedBy: undefined,
      lastCompleted: undefined,
      shuttingDown: false,
      ignored: false,
    };
    this.#setKey(agent, spec);
    pool.agents.set(agent.id, agent);
    pool.agentsByName.set(agent.name.toLowerCase(), agent);
    this.#state.emit({ kind: 'agentAdded', by, placeholder: agent.publicKey === undefined, ...ofAgent(agent) });
    return agentRecord(agent);
  }

  replace(poolId: number, agentId: number, spec: AgentRegistration, by: string): AgentRecord {
    const agent = this.#agent(poolId, agentId);
    this.#rename(agent, spec.name);
    agent.version = spec.version ?? '';
    agent.osDescription = spec.osDescription ?? '';
    agent.enabled = spec.enabled ?? true;
    agent.systemCapabilities = spec.systemCapabilities ?? {};
    this.#setKey(agent, spec);
    this.#state.emit({ kind: 'agentReplaced', by, ...ofAgent(agent) });
    return this.#altered(agent);
  }

  update(poolId: number, agentId: number, patch: AgentPatch, by: string): AgentRecord {
    const agent = this.#agent(poolId, agentId);
    if (patch.name !== undefined) this.#rename(agent, patch.name);
    agent.enabled = patch.enabled ?? agent.enabled;
    agent.version = patch.version ?? agent.version;
    agent.osDescription = patch.osDescription ?? agent.osDescription;
    // [I] Each map that is given replaces the stored one whole.
    agent.systemCapabilities = patch.systemCapabilities ?? agent.systemCapabilities;
    agent.userCapabilities = patch.userCapabilities ?? agent.userCapabilities;
    this.#state.emit({ kind: 'agentUpdated', by, enabled: agent.enabled, ...ofAgent(agent) });
    return this.#altered(agent);
  }

  setUpdatePending(poolId: number, agentId: number, pending: boolean): void {
    const agent = this.#agent(poolId, agentId);
    agent.updatePending = pending;
    this.#state.changed();
  }

  ignore(poolId: number, agentId: number, ignored: boolean): void {
    this.#agent(poolId, agentId).ignored = ignored;
    this.#state.changed();
  }

  delete(poolId: number, agentId: number, how: { readonly by: string; readonly force: boolean }): void {
    const agent = this.#agent(poolId, agentId);
    const { reservedBy, pool } = agent;
    if (reservedBy !== undefined && !how.force) {
      this.#state.emit({ kind: 'deleteRefused', by: how.by, ...ofRequest(reservedBy), ...ofAgent(agent) });
      // Text and type key: azure-devops-docs pull request 10586, actions/runner Exceptions.cs.
      const message = `Agent "${agent.name}" is running a job for pool "${pool.name}"`;
      throw new WorldError('TaskAgentJobStillRunningException', this.#state.limits.jobStillRunningStatus, message);
    }
    pool.agents.delete(agent.id);
    pool.agentsByName.delete(agent.name.toLowerCase());
    if (agent.clientId !== undefined) this.#state.clients.delete(agent.clientId);
    this.#state.emit({
      kind: 'agentDeleted',
      by: how.by,
      byUs: how.by !== operator,
      ...(reservedBy !== undefined && { heldRequest: reservedBy.id }),
      ...ofAgent(agent),
    });
    // An idle listener learns it as TaskAgentNotFoundException and exits (azure-pipelines-agent MessageListener.cs).
    if (agent.session !== undefined) this.#sessions.end(agent.session, 'agentDeleted');
  }

  list(poolId: number, name?: string): readonly AgentRecord[] {
    const pool = this.#state.pool(poolId);
    if (name === undefined) return [...pool.agents.values()].map(agentRecord);
    const agent = pool.agentsByName.get(name.toLowerCase());
    return agent === undefined ? [] : [agentRecord(agent)];
  }

  get(poolId: number, agentId: number): AgentRecord {
    return agentRecord(this.#agent(poolId, agentId));
  }

  findByClientId(clientId: string): AgentRecord | undefined {
    const agent = this.#state.clients.get(clientId);
    return agent === undefined ? undefined : agentRecord(agent);
  }

  #agent(poolId: number, agentId: number): AgentState {
    const agent = this.#state.pool(poolId).agents.get(agentId);
    if (agent === undefined) throw agentNotFound(poolId, agentId);
    return agent;
  }

  #altered(agent: AgentState): AgentRecord {
    agent.matched.clear();
    this.#state.changed();
    return agentRecord(agent);
  }

  #rename(agent: AgentState, name: string): void {
    if (sameName(agent.name, name)) return;
    const { pool } = agent;
    if (pool.agentsByName.has(name.toLowerCase())) throw nameTaken(pool, name);
    pool.agentsByName.delete(agent.name.toLowerCase());
    pool.agentsByName.set(name.toLowerCase(), agent);
    agent.name = name;
  }

  #setKey(agent: AgentState, spec: AgentRegistration): void {
    if (spec.publicKey === undefined) return;
    agent.publicKey = spec.publicKey;
    agent.clientId ??= this.#state.nextGuid();
    this.#state.clients.set(agent.clientId, agent);
  }
}

// [I] The server compares names of agents and pools whatever their case.
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

// 409: MShekow/azure-pipelines-k8s-agent-scaler internal/service/utils.go; text: the agent's ConfigurationManager.cs.
const nameTaken = (pool: PoolState, name: string): WorldError =>
  new WorldError('TaskAgentExistsException', 409, `Pool ${pool.id} already contains an agent with name ${name}.`);

const asPool = (pool: PoolState): Pool => ({
  id: pool.id,
  name: pool.name,
  autoUpdate: pool.autoUpdate,
  size: pool.agents.size,
});
