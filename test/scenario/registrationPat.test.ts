/** Init containers that register their agents with a PAT from the vault, through the whole system over sockets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameOf, text } from '../../infra/local/kubernetes/object.ts';
import { localSecrets } from '../../infra/local/start/localSettings.ts';
import { annotations } from '../../shared/domain/names.ts';
import {
  aRegistrationSystem,
  placesOfRegistration,
  type RegistrationSystem,
  strayedSecrets,
} from '../support/registrationSystem.ts';

// A ceiling for busy machines, on which the build of the functions alone has taken half a minute.
const limitMs = 120_000;
const proxy = { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example'] };
let world: RegistrationSystem;

beforeAll(async () => {
  world = await aRegistrationSystem('pat', {}, (template) => ({ ...template, proxy }));
}, limitMs);
afterAll(() => world.close());

const jobsOf = (requestId: number): readonly string[] =>
  [...world.system.ledger.agentJobs.values()].filter((each) => each.requestId === requestId).map(({ name }) => name);

describe('agents that register with a PAT', { timeout: limitMs }, () => {
  it('serve one request each, and nothing but placeholders is left', async () => {
    const ids = [...world.queue('linux', 4), ...world.queue('web', 3)];
    expect(await world.served(ids)).toEqual(ids.map(() => 'succeeded'));
    await world.clean();
    expect(world.system.ledger.agentJobs.size).toBe(7);
    expect(world.system.leftOvers().placeholders).toHaveLength(4);
    expect(world.system.agentFailures).toEqual([]);
  });

  it('fail while the PAT is revoked, say so, and serve their request once it works again', async () => {
    const { devOpsTokens, azure, cluster } = world.system;
    devOpsTokens.revoke(localSecrets.registration);
    const messages: string[] = [];
    const watch = cluster.watch('pods', undefined, {}, ({ object }) => {
      messages.push(...(JSON.stringify(object).match(/the server refused the credential/g) ?? []));
    });
    const [id = 0] = world.queue('linux', 1);
    await world.until(() => jobsOf(id).length >= 2);
    watch.close();
    expect(messages.length).toBeGreaterThan(0);
    const told = await world.explain('linux', id);
    expect(told).toContain('the server refused the credential');
    expect(told).toContain('exit code 31');
    const identity = { kind: 'user', name: 'mayfly-registration', rights: azure.registrationRights } as const;
    devOpsTokens.add({ token: localSecrets.registration, kind: 'pat', identity });
    expect(await world.served([id])).toEqual(['succeeded']);
    await world.clean();
  });

  it('lose a race against somebody who takes their name, which is no failure', async () => {
    const { cluster, devOps } = world.system;
    let taken = '';
    const stop = cluster.onEvent((event) => {
      if (event.kind !== 'podCreated' || taken !== '' || event.jobName === undefined) return;
      taken = event.jobName;
      devOps.addAgent(1, { name: taken, version: '5.278.0' });
    });
    const reasons = new Map<string, string>();
    const watch = cluster.watch('jobs', undefined, {}, ({ object }) => {
      const reason = text(object, 'metadata', 'annotations', annotations.reason);
      if (reason !== undefined) reasons.set(nameOf(object), reason);
    });
    const [id = 0] = world.queue('linux', 1);
    expect(await world.served([id])).toEqual(['succeeded']);
    stop();
    const told = await world.explain('linux', id);
    expect([taken, reasons.get(taken)]).toEqual([jobsOf(id)[0], 'raced']);
    expect(told).not.toContain('failed');
    // Its owner takes it away again: an agent with our mark and without a Job would be a ghost after a while.
    devOps.deleteAgent(1, devOps.listAgents(1, taken)[0]?.id ?? 0, 'somebody');
    await world.clean();
    watch.close();
  });

  it('have the way of their proxy beside the credential, and with their own files', () => {
    const files = ['.proxy', '.proxybypass'];
    const seen = world.recorder.places.filter(({ where }) => files.some((file) => where.endsWith(`/${file}`)));
    const told = seen.map(({ kind, where, agentJob = '' }) => `${kind} ${where.replace(agentJob, 'agent')}`);
    expect(new Set(told)).toEqual(
      new Set([
        ...files.map((file) => `initFile agent /mayfly/registration/${file}`),
        ...files.map((file) => `mainFile agent /mayfly/agent/${file}`),
      ]),
    );
    expect(new Set(seen.filter(({ where }) => where.endsWith('/.proxy')).map(({ text }) => text))).toEqual(
      new Set([`${proxy.url}\n`]),
    );
  });

  it('leave no secret where it does not belong', async () => {
    expect(await strayedSecrets(world)).toEqual([]);
    expect(placesOfRegistration(world)).toEqual(new Set(['secret', 'initFile']));
  });
});
