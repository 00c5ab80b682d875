/** What decides about each pool, put together from the entries it names. */
import { defined } from '../domain/defined.ts';
import { parseDemand } from '../domain/demand.ts';
import type { PoolRoute } from '../domain/intent.ts';
import type { PoolPolicy, RunPolicy, Template } from '../domain/template.ts';
import type { MayflyConfig, OrganisationConfig, PoolConfig } from './policy.ts';

/** One policy for each pool, in the order of the file. */
export function poolPolicies(config: MayflyConfig): readonly PoolPolicy[] {
  return config.pools.map((pool) => poolPolicy(config, pool));
}

/** Where the intents of each pool go, in the order of the file. */
export function poolRoutes(config: MayflyConfig): readonly PoolRoute[] {
  return config.pools.map((pool) => {
    const { session, short, url } = named(config.organisations, pool.organisation);
    return { session, organisation: short, organisationUrl: url, poolId: pool.id };
  });
}

function poolPolicy(config: MayflyConfig, pool: PoolConfig): PoolPolicy {
  const { limits } = pool;
  const organisation: OrganisationConfig = named(config.organisations, pool.organisation);
  return {
    installation: config.installation,
    organisation: { name: organisation.name, url: organisation.url, short: organisation.short },
    poolId: pool.id,
    poolName: pool.name,
    mode: pool.mode,
    registration: pool.registration,
    hasRegistrationCredential: organisation.registration !== undefined,
    licenceGroup: organisation.session,
    ...(config.generation !== undefined && { generation: config.generation }),
    templates: pool.templates.map((name) => granting(named(config.templates, name), pool.grantedDemands)),
    ...imagesOfPool(config, pool),
    ...(pool.defaultTemplate !== undefined && { defaultTemplate: pool.defaultTemplate }),
    warm: pool.warm,
    warmMaxAgeMs: pool.warmMaxAge,
    clusters: pool.clusters,
    maxAgents: pool.maxAgents,
    parallelJobs: organisation.parallelJobs,
    foreignAgents: pool.foreignAgents,
    maxCreationsPerPass: limits.maxCreationsPerPass,
    bootLimits: limits.boot,
    idleMinimumMs: limits.idleMinimum,
    endGraceMs: limits.endGrace,
    assignmentGraceMs: limits.assignmentGrace,
    ghostGraceMs: limits.ghostGrace,
    notAssignedGraceMs: limits.notAssignedGrace,
    backoff: {
      firstMs: limits.backoff.first,
      maximumMs: limits.backoff.maximum,
      breakerFailures: limits.backoff.breakerFailures,
      breakerWindowMs: limits.backoff.breakerWindow,
      breakerProbeMs: limits.backoff.breakerProbe,
    },
    createByMs: limits.createBy,
    maxGhostsPerPass: limits.maxGhostsPerPass,
    keepFailed: { forMs: limits.keepFailed.for, most: limits.keepFailed.most },
    maxJobAge: { ms: limits.maxJobAge, ends: limits.endHung },
    runs: runPolicy(pool.runs),
  };
}

/** Images that templates of the pool run: their state lies on its control map. */
function imagesOfPool(
  { images, templates, pools }: MayflyConfig,
  pool: PoolConfig,
): Pick<PoolPolicy, 'images' | 'imagePools'> {
  const namesOf = (each: PoolConfig): readonly string[] =>
    each.templates.flatMap((name) => named(templates, name).rebuilt ?? []);
  const names = namesOf(pool);
  const run = images.map(({ policy }) => policy).filter(({ name }) => names.includes(name));
  if (run.length === 0) return {};
  const others = pools.filter(({ id, mode }) => id !== pool.id && mode === 'active');
  const imagePools = others.filter((each) => namesOf(each).some((name) => names.includes(name))).map(({ id }) => id);
  return { images: run, ...(imagePools.length > 0 && { imagePools }) };
}

function runPolicy({ tellAfter, cancelAfter, rerunLost }: PoolConfig['runs']): RunPolicy {
  return { tellAfterMs: tellAfter, rerunLost, ...defined({ cancelAfterMs: cancelAfter }) };
}

/** Of two demands for one name the template's own holds: the pool cannot know better what the image has. */
function granting(template: Template, demands: readonly string[]): Template {
  const nameOf = (demand: string): string | undefined => parseDemand(demand)?.name.toLowerCase();
  const granted = [...template.grantedDemands];
  for (const demand of demands) {
    if (!granted.some((earlier) => nameOf(earlier) === nameOf(demand))) granted.push(demand);
  }
  return { ...template, grantedDemands: granted };
}

function named<T extends { readonly name: string }>(entries: readonly T[], name: string): T {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new RangeError(`nothing is named ${name}: the configuration was not checked`);
  return entry;
}
