/** Listener sessions: an agent is online exactly as long as one lives. Messages go to the session. */

import { Emitter } from './emitter.ts';
import type { Unsubscribe } from './events.ts';
import type { Leases } from './leases.ts';
import type { AgentMessage, Session, SessionEnd, SessionSpec } from './records.ts';
import type { AgentState, OrganisationState, SessionState } from './state.ts';
import { ofAgent } from './state.ts';
import { agentNotFound, sessionExpired, WorldError } from './worldError.ts';

export class Sessions {
  readonly #state: OrganisationState;
  readonly #leases: Leases;

  constructor(state: OrganisationState, leases: Leases) {
    this.#state = state;
    this.#leases = leases;
  }

  open(poolId: number, agentId: number, spec: SessionSpec): Session {
    const agent = this.#state.pool(poolId).agents.get(agentId);
    if (agent === undefined) throw agentNotFound(poolId, agentId);
    if (agent.publicKey === undefined) {
      throw new WorldError('AccessDeniedException', 401, `Agent ${agent.name} has no key: nothing can sign in as it.`);
    }
    if (agent.session !== undefined) {
      // A container that restarts meets its own old session for about five minutes (vso-agent issue 202).
      throw new WorldError(
        'TaskAgentSessionConflictException',
        409,
        `A session for agent ${agent.name} already exists.`,
      );
    }
    const session = this.#begin(agent, spec);
    this.#state.emit({ kind: 'sessionOpened', sessionId: session.id, ...ofAgent(agent) });
    // [I] What was assigned to the agent and never received is sent again to its new session.
    const { reservedBy } = agent;
    if (reservedBy !== undefined && reservedBy.receivedAt === undefined) this.#leases.deliverJob(reservedBy);
    this.#state.changed();
    return { id: session.id, poolId, agentId, agentName: agent.name, ownerName: session.ownerName };
  }

  close(sessionId: string): void {
    this.end(this.#live(sessionId), 'closed');
  }

  keepAlive(sessionId: string): void {
    this.#live(sessionId).heardAt = this.#state.clock.now();
  }

  crash(sessionId: string): void {
    const session = this.#live(sessionId);
    if (session.attached) this.#leases.letRunOut(session.agent);
    session.attached = false;
    session.heardAt = this.#state.clock.now();
    this.#watch(session);
  }

  takeMessage(sessionId: string, lastMessageId: number): AgentMessage | undefined {
    this.keepAlive(sessionId);
    return this.#live(sessionId).messages.find((message) => message.messageId > lastMessageId);
  }

  onMessage(sessionId: string, listener: (message: AgentMessage) => void): Unsubscribe {
    const session = this.#live(sessionId);
    const unsubscribe = session.incoming.subscribe(listener);
    for (const message of session.messages.slice()) listener(message);
    return unsubscribe;
  }

  onEnd(sessionId: string, listener: (because: SessionEnd) => void): Unsubscribe {
    return this.#live(sessionId).end.subscribe(listener);
  }

  deleteMessage(sessionId: string, messageId: number): void {
    const session = this.#live(sessionId);
    session.heardAt = this.#state.clock.now();
    const message = session.messages.find((other) => other.messageId === messageId);
    if (message === undefined) return;
    session.messages = session.messages.filter((other) => other !== message);
    if (message.messageType !== 'PipelineAgentJobRequest') return;
    this.#leases.receive(this.#state.request(message.requestId), session.agent);
  }

  end(session: SessionState, because: SessionEnd): void {
    const { agent } = session;
    if (session.attached) this.#leases.letRunOut(agent);
    session.ended = because;
    session.attached = false;
    session.messages = [];
    agent.session = undefined;
    agent.statusChangedAt = this.#state.now();
    this.#state.emit({ kind: 'sessionClosed', sessionId: session.id, because, ...ofAgent(agent) });
    session.end.emit(because);
    this.#state.changed();
  }

  #begin(agent: AgentState, spec: SessionSpec): SessionState {
    const session: SessionState = {
      id: this.#state.nextGuid(),
      agent,
      ownerName: spec.ownerName,
      attached: spec.attached ?? false,
      heardAt: this.#state.clock.now(),
      ended: undefined,
      messages: [],
      incoming: new Emitter(),
      end: new Emitter(),
    };
    this.#state.sessions.set(session.id, session);
    agent.session = session;
    agent.statusChangedAt = this.#state.now();
    agent.shuttingDown = false;
    agent.version = spec.version ?? agent.version;
    // The session carries a fresh scan (azure-pipelines-agent MessageListener.cs); [I] the server stores it as it is.
    if (spec.capabilities !== undefined) this.#scanned(agent, spec.capabilities);
    agent.matched.clear();
    if (!session.attached) this.#watch(session);
    return session;
  }

  #scanned(agent: AgentState, capabilities: NonNullable<SessionSpec['capabilities']>): void {
    const { sessionCapabilities } = this.#state.limits;
    if (sessionCapabilities === 'ignore') return;
    const kept = sessionCapabilities === 'merge' ? agent.systemCapabilities : {};
    agent.systemCapabilities = { ...kept, ...capabilities };
  }

  #watch(session: SessionState): void {
    const silentAt = session.heardAt + this.#state.limits.sessionTtlMs;
    this.#state.clock.after(silentAt - this.#state.clock.now(), () => {
      if (session.ended !== undefined) return;
      const isSilent = this.#state.clock.now() - session.heardAt >= this.#state.limits.sessionTtlMs;
      if (isSilent) this.end(session, 'expired');
      else this.#watch(session);
    });
  }

  #live(sessionId: string): SessionState {
    const session = this.#state.sessions.get(sessionId);
    if (session?.ended === 'agentDeleted') throw agentNotFound(session.agent.pool.id, session.agent.id);
    if (session === undefined || session.ended !== undefined) throw sessionExpired();
    return session;
  }
}
