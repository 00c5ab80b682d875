/**
 * A mayfly.yaml that changes while agents boot, wait and work: those that exist are left as they are, those that come
 * are made of the new values. On virtual time, whoever registers the agents.
 */
import { describe, expect, it } from 'vitest';
import { nameOf, record } from '../../infra/local/kubernetes/object.ts';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { annotations } from '../../shared/domain/names.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import { aTemplate } from '../support/policyBuilders.ts';
import { aScalingWorld, type ScalingWorld, scalingPolicy, tallyOf } from '../support/scaling.ts';

const newImage = `registry.contoso.example/agent@sha256:${'b'.repeat(64)}`;
const bundle = { configMap: 'corporate-ca', key: 'ca.pem' };
const proxy = { url: 'http://proxy.example:3128', bypass: ['.example'] };

/** What only steps of an agent job's life may change on its Job; the rest is as it was made. */
const ofSteps: ReadonlySet<string> = new Set(Object.values(annotations));

/** Without what the cluster itself and the steps of a life write. */
function lasting(job: JsonObject): JsonObject {
  const notes = Object.entries(record(job, 'metadata', 'annotations')).filter(([key]) => !ofSteps.has(key));
  const { suspend: _, ...spec } = record(job, 'spec');
  return { annotations: Object.fromEntries(notes), labels: record(job, 'metadata', 'labels'), spec };
}

/** Every version of every Job, and which pods somebody ended. */
function watchJobs(world: ScalingWorld): { versions: Map<string, JsonObject[]>; ended: Set<string> } {
  const versions = new Map<string, JsonObject[]>();
  const ended = new Set<string>();
  world.kubernetes.watch('jobs', undefined, {}, ({ type, object }) => {
    if (type !== 'DELETED') versions.set(nameOf(object), [...(versions.get(nameOf(object)) ?? []), lasting(object)]);
  });
  world.kubernetes.onEvent((event) => {
    if (event.kind === 'podTerminating' && event.jobName !== undefined) ended.add(event.jobName);
  });
  return { versions, ended };
}

const changes: readonly { readonly name: string; readonly given: Partial<Template>; readonly shows: string }[] = [
  { name: 'another image', given: { image: newImage }, shows: newImage },
  { name: 'a proxy', given: { proxy }, shows: proxy.url },
  { name: 'a CA bundle', given: { caBundle: bundle }, shows: bundle.configMap },
  { name: 'other resources', given: { cpu: '3', memory: '7Gi' }, shows: '7Gi' },
  {
    name: 'a pod block',
    given: { pod: { tolerations: [{ key: 'new-key', operator: 'Exists' }] } },
    shows: 'new-key',
  },
];

describe.each(['jit', 'initConfig'] as const)(
  'agents that are registered by %s',
  { timeout: 60_000 },
  (registration) => {
    const policyOf = (template: Partial<Template>): PoolPolicy => {
      const templates = [aTemplate({ maxAgents: 10_000, capabilities: { docker: '27' }, ...template })];
      return scalingPolicy({ registration, hasRegistrationCredential: true, idleMinimumMs: minutesMs(5) }, templates);
    };

    it.each(changes)('are not disturbed by $name, which the next ones get', async ({ given, shows }) => {
      const world = await aScalingWorld({ policies: [policyOf({})] });
      const { versions, ended } = watchJobs(world);
      const working = world.queue(2, { durationMs: minutesMs(10) });
      const cancelled = world.queue(2);
      await world.advance(secondsMs(8));
      world.cancel(cancelled);
      await world.until(() => world.count.busy === 2 && world.onlineAgents() === 4);
      const booting = world.queue(4, { durationMs: minutesMs(10) });
      await world.advance(secondsMs(4));
      const before = new Set(versions.keys());
      await world.reconfigure([policyOf(given)]);
      await world.advance(minutesMs(4));
      const after = world.queue(1);
      await world.until(() => after.every((id) => world.count.ran.has(id)));
      expect([...before].filter((name) => ended.has(name))).toEqual([]);
      const tally = await tallyOf(world);
      expect([...working, ...booting].every((id) => world.count.ran.has(id))).toBe(true);
      expect({ trouble: tally.trouble, violations: tally.violations }).toEqual({ trouble: [], violations: [] });
      for (const name of before) {
        const [first, ...rest] = versions.get(name) ?? [];
        expect(rest.every((version) => JSON.stringify(version) === JSON.stringify(first))).toBe(true);
        expect(JSON.stringify(first)).not.toContain(shows);
      }
      const made = [...versions].filter(([name]) => !before.has(name)).map(([, [first]]) => first);
      expect(made.length).toBeGreaterThan(0);
      expect(made.every((job) => JSON.stringify(job).includes(shows))).toBe(true);
    });
  },
);
