import { describe, expect, it } from 'vitest';
import { inProcessRegistry } from '../../../../infra/local/registry/inProcess.ts';
import { RegistryStore } from '../../../../infra/local/registry/store.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../../../infra/local/world/faults.ts';
import { withParameters } from '../../../../shared/domain/offer.ts';
import type { PoolPolicy, Template } from '../../../../shared/domain/template.ts';
import {
  freshImageMemory,
  type ImageLookup,
  resolveTemplates,
} from '../../../../shared/reconcile/images/agentVersions.ts';
import { aPoolPolicy, aTemplate } from '../../../support/policyBuilders.ts';

const host = 'contoso.azurecr.io';
const unversioned = (overrides: Partial<Template> = {}): Template =>
  aTemplate({ agentVersion: undefined, image: `${host}/agents/linux:stable`, ...overrides });

/** A registry with an image, and a process that asks it. `hosts` = registries that are listed. */
function aProcess(hosts: readonly string[] = []) {
  const clock = new VirtualClock(Date.UTC(2026, 2, 2, 12));
  const [store, faults, journal] = [new RegistryStore(), new Faults(), new Journal()];
  const registry = inProcessRegistry(host, store, { caller: 'control-plane', journal, faults, clock });
  const lookup: ImageLookup = { registry, hosts: new Set(hosts), clock };
  const memory = freshImageMemory();
  const push = (tag: string, agentVersion?: string, repository = 'agents/linux'): string =>
    store.push(repository, tag, {
      content: `${repository} ${tag} ${agentVersion}`,
      labels: agentVersion === undefined ? {} : { 'dev.mayfly.agent-version': agentVersion },
    });
  const resolve = (policy: PoolPolicy): Promise<PoolPolicy> => resolveTemplates(policy, lookup, memory);
  const resolveOne = async (template: Template): Promise<Template | undefined> =>
    (await resolve(aPoolPolicy({ templates: [template] }))).templates[0];
  const asked = (): number => journal.calls.length;
  return { clock, store, faults, push, resolve, resolveOne, asked };
}

const at = (digest: string, repository = 'agents/linux'): string => `${host}/${repository}@${digest}`;

describe('resolveTemplates', () => {
  it('reads the version of the agent from the label of the image', async () => {
    const { push, resolveOne } = aProcess();
    const image = at(push('stable', '5.281.0'));
    expect(await resolveOne(unversioned({ image }))).toEqual(unversioned({ image, agentVersion: '5.281.0' }));
  });

  it('puts the digest in the place of a tag', async () => {
    const { push, resolveOne } = aProcess();
    const digest = push('stable', '5.281.0');
    expect(await resolveOne(unversioned())).toEqual(unversioned({ image: at(digest), agentVersion: '5.281.0' }));
  });

  it('asks nobody where the template says the version and its registry is not listed', async () => {
    const { resolve, asked } = aProcess();
    const policy = aPoolPolicy({ templates: [aTemplate({ image: `${host}/agents/linux:stable` })] });
    expect(await resolve(policy)).toBe(policy);
    expect(asked()).toBe(0);
  });

  it('believes the label rather than the template where the registry is listed', async () => {
    const { push, resolveOne } = aProcess([host]);
    const image = at(push('stable', '5.281.0'));
    expect(await resolveOne(aTemplate({ image, agentVersion: '5.278.0' }))).toMatchObject({ agentVersion: '5.281.0' });
  });

  it('goes by the template where the image has no label', async () => {
    const { push, resolveOne } = aProcess([host]);
    const image = at(push('stable'));
    expect(await resolveOne(aTemplate({ image, agentVersion: '5.278.0' }))).toMatchObject({ agentVersion: '5.278.0' });
  });

  it('gives each image that a request may choose its own version', async () => {
    const { push, resolveOne } = aProcess();
    const [own, java, bare] = [push('stable', '5.281.0'), push('21', '5.270.0', 'java'), push('1', undefined, 'bare')];
    const image = { java: `${host}/java:21`, own: `${host}/agents/linux:stable`, bare: at(bare, 'bare') };
    const template = await resolveOne(unversioned({ parameters: { cpu: [], memory: [], image } }));
    const chosen = ['java', 'own', 'bare', undefined].map((name) => {
      const made = withParameters(template ?? aTemplate(), name === undefined ? {} : { image: name });
      return [made.image, made.agentVersion];
    });
    expect(chosen).toEqual([
      [at(java, 'java'), '5.270.0'],
      [at(own), '5.281.0'],
      [at(bare, 'bare'), undefined],
      [at(own), '5.281.0'],
    ]);
  });

  it('goes by the image that brings the agent, whatever the pod runs', async () => {
    const { push, resolveOne, asked } = aProcess();
    const inject = { image: at(push('1', '5.281.0', 'inject'), 'inject') };
    const java = `registry.elsewhere.example/java@sha256:${'a'.repeat(64)}`;
    const image = `registry.elsewhere.example/own@sha256:${'b'.repeat(64)}`;
    const parameters = { cpu: [], memory: [], image: { java } };
    const template = await resolveOne(unversioned({ image, inject, parameters }));
    expect(template).toMatchObject({ image, inject, agentVersion: '5.281.0' });
    expect(withParameters(template ?? aTemplate(), { image: 'java' })).toMatchObject({
      image: java,
      agentVersion: '5.281.0',
    });
    expect(asked()).toBe(1);
  });

  it('asks once for a digest, and once for pools that ask together', async () => {
    const { push, resolve, asked, clock } = aProcess();
    const policy = aPoolPolicy({ templates: [unversioned({ image: at(push('stable', '5.281.0')) })] });
    await Promise.all([resolve(policy), resolve({ ...policy, poolId: 8 })]);
    await clock.advance(86_400_000);
    await resolve(policy);
    expect(asked()).toBe(1);
  });

  it('looks at a tag again at whole minutes, and follows it', async () => {
    const { push, resolveOne, asked, clock } = aProcess();
    push('stable', '5.281.0');
    await clock.advance(50_000);
    await resolveOne(unversioned());
    const digest = push('stable', '5.282.0');
    await clock.advance(9_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.281.0' });
    await clock.advance(1_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.282.0', image: at(digest) });
    expect(asked()).toBe(2);
  });

  it('goes on with the last answer while the registry is down, or has lost the tag', async () => {
    const { push, resolveOne, clock, faults, store } = aProcess();
    const digest = push('stable', '5.281.0');
    await resolveOne(unversioned());
    const down = faults.add({ kind: 'lostBefore' }, () => true, Number.POSITIVE_INFINITY);
    await clock.advance(120_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.281.0', image: at(digest) });
    down();
    store.remove('agents/linux', digest);
    await clock.advance(120_000);
    expect(await resolveOne(unversioned())).toMatchObject({
      agentVersion: '5.281.0',
      unread: 'the registry has no such image',
    });
  });

  it('knows no version where there was never an answer, says why, and learns it later', async () => {
    const { push, resolveOne, clock, faults, asked } = aProcess();
    push('stable', '5.281.0');
    faults.add({ kind: 'status', status: 503 }, () => true);
    expect(await resolveOne(unversioned())).toEqual(
      unversioned({ unread: 'registry unavailable (503) while reading an image' }),
    );
    await clock.advance(29_000);
    await resolveOne(unversioned());
    expect(asked()).toBe(1);
    await clock.advance(1_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.281.0' });
  });

  it('leaves a registry alone for as long as it asks', async () => {
    const { push, resolveOne, clock, faults, asked } = aProcess();
    push('stable', '5.281.0');
    faults.add({ kind: 'status', status: 429, retryAfterSeconds: 300 }, () => true);
    await resolveOne(unversioned());
    await clock.advance(299_000);
    await resolveOne(unversioned());
    expect(asked()).toBe(1);
    await clock.advance(1_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.281.0' });
  });

  it('waits five seconds and no longer; what comes later is there for the next pass', async () => {
    const { push, resolveOne, clock, faults, asked } = aProcess();
    push('stable', '5.281.0');
    faults.add({ kind: 'slow', ms: 20_000 }, () => true);
    const first = resolveOne(unversioned());
    await clock.advance(5_000);
    expect(await first).toMatchObject({ agentVersion: undefined, unread: expect.stringContaining('timeout') });
    await clock.advance(15_000);
    expect(await resolveOne(unversioned())).toMatchObject({ agentVersion: '5.281.0' });
    expect(asked()).toBe(1);
  });
});
