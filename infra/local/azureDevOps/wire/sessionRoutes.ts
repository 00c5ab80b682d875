/**
 * The listener's side: a session, its encrypted message queue with long polling, and the lease of the request it
 * runs. An agent reaches nothing but what is its own.
 */
import { secondsMs } from '../../../../shared/domain/instant.ts';
import { type TaskResult, taskResults } from '../../../../shared/domain/jobRequest.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import type { AgentMessage, SessionSpec } from '../records.ts';
import { sessionExpired } from '../worldError.ts';
import { idOf, member, numberMember, objectBody, objectMember, stringMap, stringMember } from './body.ts';
import { onHangUp } from './hangUp.ts';
import { accessDenied, badArgument, notModelled } from './refusal.ts';
import { requireAgent } from './rights.ts';
import { createSessionKey, encryptBody } from './sessionKey.ts';
import type { AgentIdentity } from './tokens.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import { agentReferenceJson, type Json, requestJson } from './wireJson.ts';

const pool = '/_apis/distributedtask/pools/:poolId';

interface OpenSession {
  readonly agentId: number;
  readonly aes: Buffer;
}

const poolIdOf = (c: WireContext): number => idOf(c.req.param('poolId'), 'poolId');

function specOf(body: JsonObject): SessionSpec {
  const version = stringMember(objectMember(body, 'agent') ?? {}, 'version');
  const capabilities = stringMap(body, 'systemCapabilities');
  return {
    ownerName: stringMember(body, 'ownerName') ?? 'unknown',
    ...(version !== undefined && { version }),
    ...(capabilities && { capabilities }),
  };
}

/** What a worker would be handed, as far as anyone here reads it. How long to work travels as a variable. */
function bodyOf(message: AgentMessage): Json {
  const { messageType, jobId } = message;
  if (messageType === 'JobCancellation') return { jobId, timeout: '00:01:00' };
  const { requestId, jobName, planId, durationMs } = message;
  const variables = { 'mayfly.durationMs': { value: String(durationMs) } };
  return { messageType, plan: { planId, planType: 'Build' }, jobId, jobName, requestId, variables };
}

function sessionRoutes(app: WireApp, wire: Wire, open: Map<string, OpenSession>): void {
  const { world } = wire;

  app.post(`${pool}/sessions`, async (c) => {
    const poolId = poolIdOf(c);
    const { agentId } = requireAgent(c, wire, poolId);
    const body = await objectBody(c);
    if (member(objectMember(body, 'agent') ?? {}, 'id') !== agentId)
      throw accessDenied('The session is for another agent.');
    const agent = world.getAgent(poolId, agentId);
    if (agent.publicKey === undefined) throw accessDenied('The agent has no key.');
    const session = world.openSession(poolId, agentId, specOf(body));
    const key = createSessionKey(agent.publicKey);
    open.set(session.id, { agentId, aes: key.aes });
    world.onSessionEnd(session.id, () => open.delete(session.id));
    const poolUrl = `${world.organisation.url}/_apis/distributedtask/pools/${poolId}`;
    return c.json({
      sessionId: session.id,
      ownerName: session.ownerName,
      agent: agentReferenceJson(world.getAgent(poolId, agentId), poolUrl),
      encryptionKey: key.wrapped,
    });
  });

  app.delete(`${pool}/sessions/:sessionId`, (c) => {
    const identity = requireAgent(c, wire, poolIdOf(c));
    const sessionId = c.req.param('sessionId');
    ownSession(open, sessionId, identity);
    world.closeSession(sessionId);
    return c.body(null, 204);
  });
}

function ownSession(
  open: Map<string, OpenSession>,
  sessionId: string | undefined,
  identity: AgentIdentity,
): OpenSession {
  const session = open.get(sessionId ?? '');
  if (session === undefined || session.agentId !== identity.agentId) throw sessionExpired();
  return session;
}

/** Waits for the first message after `last`; undefined = none came, the session ended, or nobody listens any more. */
function nextMessage(c: WireContext, wire: Wire, sessionId: string, last: number): Promise<AgentMessage | undefined> {
  const { promise, resolve } = Promise.withResolvers<AgentMessage | undefined>();
  const end = (): void => resolve(undefined);
  const stops = [
    wire.clock.after(wire.holdMs, end),
    wire.world.onMessage(sessionId, (message) => {
      if (message.messageId > last) resolve(message);
    }),
    wire.world.onSessionEnd(sessionId, end),
    onHangUp(c, wire, end),
  ];
  return promise.finally(() => {
    for (const stop of stops) stop();
  });
}

function messageRoutes(app: WireApp, wire: Wire, open: Map<string, OpenSession>): void {
  const { world } = wire;

  // The agent's keep-alive every 30 s is this same call without lastMessageId (MessageListener.cs): it may be handed
  // a message and drops it, so a message stays until it is deleted.
  app.get(`${pool}/messages`, async (c) => {
    const poolId = poolIdOf(c);
    const identity = requireAgent(c, wire, poolId);
    const { sessionId = '', lastMessageId } = c.req.query();
    const session = ownSession(open, sessionId, identity);
    world.keepAlive(sessionId);
    const last = lastMessageId === undefined || lastMessageId === '' ? 0 : idOf(lastMessageId, 'lastMessageId');
    const message = world.takeMessage(sessionId, last) ?? (await nextMessage(c, wire, sessionId, last));
    if (message !== undefined) {
      const { messageId, messageType } = message;
      return c.json({ messageId, messageType, ...encryptBody(session.aes, JSON.stringify(bodyOf(message))) });
    }
    requireAgent(c, wire, poolId);
    ownSession(open, sessionId, identity);
    return c.body(null, 202);
  });

  app.delete(`${pool}/messages/:messageId`, (c) => {
    const identity = requireAgent(c, wire, poolIdOf(c));
    const sessionId = c.req.query('sessionId') ?? '';
    ownSession(open, sessionId, identity);
    world.deleteMessage(sessionId, idOf(c.req.param('messageId'), 'messageId'));
    return c.body(null, 204);
  });
}

function resultOf(body: JsonObject): TaskResult | undefined {
  const value = member(body, 'result');
  if (value === undefined || value === null) return undefined;
  const result = typeof value === 'number' ? taskResults[value] : taskResults.find((known) => known === value);
  if (result === undefined) throw badArgument(`The result "${JSON.stringify(value)}" is not known.`);
  return result;
}

function leaseRoutes(app: WireApp, wire: Wire): void {
  const { world } = wire;

  app.patch(`${pool}/jobrequests/:requestId`, async (c) => {
    if (c.get('identity').kind !== 'agent') throw notModelled('the change of a job request by anyone but its agent');
    const poolId = poolIdOf(c);
    const { agentId } = requireAgent(c, wire, poolId);
    const requestId = idOf(c.req.param('requestId'), 'requestId');
    if (c.req.query('lockToken') === undefined) throw badArgument('A lock token is required.');
    const result = resultOf(await objectBody(c));
    if (result === undefined) world.renewRequest(poolId, requestId, agentId);
    else world.completeRequest(poolId, requestId, result, false, agentId);
    return c.json(requestJson(world.getJobRequest(poolId, requestId), world.organisation.url));
  });

  // Plans of version 8 and later: the worker reports the end as an event of the plan (azure-pipelines-agent JobRunner.cs).
  // The real worker uses the job's own token for it; here the agent's does.
  app.post('/:scope/_apis/distributedtask/hubs/:hub/plans/:planId/events', async (c) => {
    const caller = c.get('identity');
    const { poolId, agentId } = requireAgent(c, wire, caller.kind === 'agent' ? caller.poolId : 0);
    const body = await objectBody(c);
    const name = stringMember(body, 'name');
    if (name !== 'JobCompleted') throw notModelled(`the plan event "${name ?? ''}"`);
    const request = world.getJobRequest(poolId, numberMember(body, 'requestId'));
    const result = resultOf(body);
    if (result === undefined) throw badArgument('A completed job has a result.');
    if (stringMember(body, 'jobId') !== request.jobId) throw badArgument('The request is for another job.');
    world.completeRequest(poolId, request.id, result, member(body, 'agentShuttingDown') === true, agentId);
    return c.body(null, 204);
  });
}

/** An empty poll is held this long (azure-pipelines-agent#2681). */
export const defaultHoldMs = secondsMs(50);

export function listenerRoutes(app: WireApp, wire: Wire): void {
  const open = new Map<string, OpenSession>();
  sessionRoutes(app, wire, open);
  messageRoutes(app, wire, open);
  leaseRoutes(app, wire);
}
