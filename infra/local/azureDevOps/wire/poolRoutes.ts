/** Agent pools: listing, one, the autoUpdate switch, and the probe of one's own permissions. */
import type { Pool } from '../records.ts';
import { booleanMember, idList, idOf, objectBody } from './body.ts';
import { badArgument, notModelled } from './refusal.ts';
import { requireManage, requireRead, requireUser } from './rights.ts';
import { holdsPool, type UserIdentity } from './tokens.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import { listOf, poolJson } from './wireJson.ts';

/** taskAgent.json 7.2, actionFilter; typed clients send the number. */
function mayAct(identity: UserIdentity, pool: Pool, actionFilter: string | undefined): boolean {
  const { read, manage } = identity.rights;
  if (!holdsPool(read, pool.id)) return false;
  const filter = (actionFilter ?? 'none').toLowerCase();
  if (['none', '0', 'use', '16'].includes(filter)) return true;
  if (['manage', '2'].includes(filter)) return holdsPool(manage, pool.id);
  throw badArgument(`The actionFilter "${filter}" is not known.`);
}

function listPools(c: WireContext, wire: Wire): readonly Pool[] {
  const { poolName, poolIds, actionFilter, poolType, properties } = c.req.query();
  if (properties !== undefined) throw notModelled('pool properties');
  if (['deployment', '2'].includes(poolType?.toLowerCase() ?? '')) return [];
  const identity = requireUser(c);
  const wanted = poolIds === undefined ? undefined : idList(poolIds, 'poolIds');
  const pools = wire.world.listPools(poolName).filter((pool) => wanted?.includes(pool.id) ?? true);
  return pools.filter((pool) => mayAct(identity, pool, actionFilter));
}

/** Bits of the pool security namespace: view 1, manage 2, listen 4, administer 8, use 16, create 32. */
function holdsBits(identity: UserIdentity, poolId: number, bits: number): boolean {
  const granted = holdsPool(identity.rights.manage, poolId) ? 1 | 2 | 4 | 8 | 16 | 32 : 1 | 16;
  return (bits & granted) === bits;
}

export function poolRoutes(app: WireApp, wire: Wire): void {
  const pools = '/_apis/distributedtask/pools';
  app.get(pools, (c) => c.json(listOf(listPools(c, wire).map(poolJson))));

  app.get(`${pools}/:poolId`, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireRead(c, poolId);
    return c.json(poolJson(wire.world.getPool(poolId)));
  });

  app.patch(`${pools}/:poolId`, async (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireManage(c, wire, poolId);
    const autoUpdate = booleanMember(await objectBody(c), 'autoUpdate');
    if (autoUpdate === undefined) throw notModelled('any change of a pool but autoUpdate');
    return c.json(poolJson(wire.world.updatePool(poolId, { autoUpdate })));
  });

  app.get(`${pools}/:poolId/permissions/:bits`, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    const identity = requireRead(c, poolId);
    wire.world.getPool(poolId);
    return c.json(holdsBits(identity, poolId, idOf(c.req.param('bits'), 'permissions')));
  });
}
