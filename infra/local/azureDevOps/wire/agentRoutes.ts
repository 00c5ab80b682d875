/** Agents of a pool: what control planes and config.sh do with them. The list is never paged. */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import type { AgentPatch, AgentRecord, AgentRegistration, PublicKey } from '../records.ts';
import { booleanMember, idOf, isTrue, objectBody, objectMember, stringMap, stringMember } from './body.ts';
import { badArgument, notModelled } from './refusal.ts';
import { requireManage, requireRead } from './rights.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import { type AgentIncludes, agentJson, type Json, listOf, requestJson } from './wireJson.ts';

const agents = '/_apis/distributedtask/pools/:poolId/agents';

function definedOnly<T extends object>(members: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

function publicKeyOf(body: JsonObject): PublicKey | undefined {
  const key = objectMember(objectMember(body, 'authorization') ?? {}, 'publicKey');
  if (key === undefined) return undefined;
  const exponent = stringMember(key, 'exponent');
  const modulus = stringMember(key, 'modulus');
  if (exponent === undefined || modulus === undefined) throw badArgument('A public key has exponent and modulus.');
  return { exponent, modulus };
}

function patchOf(body: JsonObject): AgentPatch {
  return definedOnly<AgentPatch>({
    name: stringMember(body, 'name'),
    enabled: booleanMember(body, 'enabled'),
    version: stringMember(body, 'version'),
    osDescription: stringMember(body, 'osDescription'),
    systemCapabilities: stringMap(body, 'systemCapabilities'),
    userCapabilities: stringMap(body, 'userCapabilities'),
  });
}

function registrationOf(body: JsonObject): AgentRegistration {
  const patch = patchOf(body);
  const { name } = patch;
  if (name === undefined || name === '') throw badArgument('An agent needs a name.');
  const publicKey = publicKeyOf(body);
  return { ...patch, name, ...(publicKey && { publicKey }) };
}

/** The requests of an agent appear only when asked for, even when it is busy. */
function includesOf(c: WireContext, wire: Wire, agent: AgentRecord): AgentIncludes {
  const query = c.req.query();
  const request = (id: number | undefined, flag: string | undefined): Json | undefined =>
    id === undefined || !isTrue(flag)
      ? undefined
      : requestJson(wire.world.getJobRequest(agent.poolId, id), wire.world.organisation.url);
  return {
    capabilities: isTrue(query['includeCapabilities']),
    assignedRequest: request(agent.assignedRequestId, query['includeAssignedRequest']),
    lastCompletedRequest: request(agent.lastCompletedRequestId, query['includeLastCompletedRequest']),
  };
}

function readRoutes(app: WireApp, wire: Wire, shown: (agent: AgentRecord, includes: AgentIncludes) => Json): void {
  app.get(agents, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireRead(c, poolId);
    const { agentName, demands, propertyFilters } = c.req.query();
    if (demands !== undefined || propertyFilters !== undefined)
      throw notModelled('agent lists by demands or properties');
    const found = wire.world.listAgents(poolId, agentName);
    return c.json(listOf(found.map((agent) => shown(agent, includesOf(c, wire, agent)))));
  });

  app.get(`${agents}/:agentId`, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireRead(c, poolId);
    const agent = wire.world.getAgent(poolId, idOf(c.req.param('agentId'), 'agentId'));
    return c.json(shown(agent, includesOf(c, wire, agent)));
  });
}

export function agentRoutes(app: WireApp, wire: Wire): void {
  const { world } = wire;
  const shown = (agent: AgentRecord, includes: AgentIncludes): Json =>
    agentJson(agent, `${world.organisation.url}/_apis/distributedtask/pools/${agent.poolId}`, includes);
  const registered = (agent: AgentRecord): Json => {
    const { url, authorizationUrl } = world.organisation;
    return shown(agent, { capabilities: true, registered: { authorizationUrl, serverUrl: url } });
  };
  readRoutes(app, wire, shown);

  app.post(agents, async (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const { name } = requireManage(c, wire, poolId);
    return c.json(registered(world.addAgent(poolId, registrationOf(await objectBody(c)), name)));
  });

  app.put(`${agents}/:agentId`, async (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const agentId = idOf(c.req.param('agentId'), 'agentId');
    const { name } = requireManage(c, wire, poolId);
    return c.json(registered(world.replaceAgent(poolId, agentId, registrationOf(await objectBody(c)), name)));
  });

  app.patch(`${agents}/:agentId`, async (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const agentId = idOf(c.req.param('agentId'), 'agentId');
    const { name } = requireManage(c, wire, poolId);
    return c.json(shown(world.updateAgent(poolId, agentId, patchOf(await objectBody(c)), name), {}));
  });

  app.put(`${agents}/:agentId/usercapabilities`, async (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const agentId = idOf(c.req.param('agentId'), 'agentId');
    const { name } = requireManage(c, wire, poolId);
    const userCapabilities = stringMap({ all: await objectBody(c) }, 'all') ?? {};
    return c.json(shown(world.updateAgent(poolId, agentId, { userCapabilities }, name), { capabilities: true }));
  });

  app.delete(`${agents}/:agentId`, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const { name } = requireManage(c, wire, poolId);
    world.deleteAgent(poolId, idOf(c.req.param('agentId'), 'agentId'), name);
    return c.body(null, 204);
  });
}
