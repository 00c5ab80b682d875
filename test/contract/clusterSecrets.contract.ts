/**
 * What the Secrets of a cluster must do over every door to the Kubernetes API: in process, and over HTTP through the
 * real SDK with the rights that are deployed.
 */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import type { FaultRule, Faults, Journal } from '../../infra/local/world/faults.ts';
import type { KubernetesApi } from '../../shared/adapters/kubernetes/api.ts';
import { clusterSecretsOver } from '../../shared/adapters/kubernetes/clusterSecrets.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { ClusterSecrets } from '../../shared/ports/tokens.ts';

export interface ClusterSecretsDoor {
  readonly world: KubernetesWorld;
  readonly api: KubernetesApi;
  /** The same with all rights, to look on. */
  readonly admin: KubernetesApi;
  readonly namespace: string;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly close?: () => Promise<void>;
}

/** The only Secret that the deployed Role lets the control plane change. */
const name = 'mayfly-token';
const value = 'planted-value-of-a-token';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const on =
  (verb: string): FaultRule['matches'] =>
  (call) =>
    call.verb === `${verb} secrets`;

export function clusterSecretsContract(
  doorName: string,
  makeDoor: () => Promise<ClusterSecretsDoor> | ClusterSecretsDoor,
): void {
  describe(`secrets of a cluster ${doorName}`, () => {
    let door: ClusterSecretsDoor;
    let secrets: ClusterSecrets;
    beforeEach(async () => {
      door = await makeDoor();
      secrets = clusterSecretsOver(door.api, { name: 'primary', namespace: door.namespace });
    });
    afterEach(() => door.close?.());

    const put = (more: JsonObject): Promise<JsonObject> =>
      door.admin.create('secrets', door.namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more });
    const got = async (): Promise<JsonObject> => door.admin.get('secrets', door.namespace, name);
    const outcomes = (): readonly string[] =>
      door.journal.calls.filter(({ caller }) => caller !== 'admin').map(({ verb, outcome }) => `${verb}: ${outcome}`);

    it('makes the Secret with our label where there is none', async () => {
      await secrets.writeValue(name, 'AZP_TOKEN', new Secret(value));
      expect(await got()).toMatchObject({
        metadata: { labels: { 'app.kubernetes.io/managed-by': 'mayfly' } },
        type: 'Opaque',
        data: { AZP_TOKEN: base64(value) },
      });
      expect((await secrets.readValue(name, 'AZP_TOKEN'))?.reveal()).toBe(value);
    });

    it('changes one key and nothing else of a Secret that somebody made', async () => {
      await put({
        metadata: { name, labels: { team: 'payments' } },
        data: { 'a.b': base64('old'), other: base64('x') },
      });
      await secrets.writeValue(name, 'a.b', new Secret('new'));
      expect(await got()).toMatchObject({
        metadata: { labels: { team: 'payments' } },
        data: { 'a.b': base64('new'), other: base64('x') },
      });
      expect((await got())['metadata']).not.toMatchObject({ labels: { 'app.kubernetes.io/managed-by': 'mayfly' } });
    });

    it('adds a key to a Secret that has no data at all', async () => {
      await put({});
      await secrets.writeValue(name, 'token', new Secret(value));
      expect(await got()).toMatchObject({ data: { token: base64(value) } });
    });

    it('writes nothing where the value is there already', async () => {
      await put({ data: { token: base64(value) } });
      const before = await got();
      await secrets.writeValue(name, 'token', new Secret(value));
      expect(await got()).toEqual(before);
    });

    it('knows absence: no such Secret, no such key, no data; never what cannot be read', async () => {
      expect(await secrets.readValue(name, 'token')).toBeUndefined();
      await put({});
      expect(await secrets.readValue(name, 'token')).toBeUndefined();
      await secrets.writeValue(name, 'other', new Secret('x'));
      expect(await secrets.readValue(name, 'token')).toBeUndefined();
      door.faults.add({ kind: 'status', status: 500 }, on('get'), 10);
      await expect(secrets.readValue(name, 'token')).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('keeps every sign of a value', async () => {
      const odd = 'ümlaut "quoted" \\ line\nend\n';
      await secrets.writeValue(name, 'token', new Secret(odd));
      expect((await secrets.readValue(name, 'token'))?.reveal()).toBe(odd);
    });

    it('goes on when somebody else makes the Secret in between', async () => {
      await put({ data: { other: base64('x') } });
      door.faults.add({ kind: 'status', status: 404 }, on('get'));
      await secrets.writeValue(name, 'token', new Secret(value));
      expect(outcomes().map((each) => each.split(':')[0])).toEqual([
        'get secrets',
        'create secrets',
        'get secrets',
        'patch secrets',
      ]);
      expect(await got()).toMatchObject({ data: { other: base64('x'), token: base64(value) } });
    });

    it('refuses an immutable Secret and says what to do', async () => {
      await put({ data: { token: base64('old') }, immutable: true });
      await expect(secrets.writeValue(name, 'token', new Secret(value))).rejects.toMatchObject({
        kind: 'forbidden',
        detail: expect.stringContaining('delete it'),
      });
    });

    it.each(['get', 'create'])('says no secret when it fails to %s', async (verb) => {
      door.faults.add({ kind: 'status', status: 403 }, on(verb), 10);
      const failure: unknown = await secrets
        .writeValue(name, 'token', new Secret(value))
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: 'forbidden' });
      const printed = inspect(failure, { depth: 20, showHidden: true });
      expect([printed.includes(value), printed.includes(base64(value))]).toEqual([false, false]);
    });

    it('says no secret when it fails to patch', async () => {
      await put({ data: { token: base64('planted-old-value') } });
      door.faults.add({ kind: 'status', status: 403 }, on('patch'), 10);
      const failure: unknown = await secrets
        .writeValue(name, 'token', new Secret(value))
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: 'forbidden' });
      const printed = inspect(failure, { depth: 20, showHidden: true });
      expect([value, 'planted-old-value'].filter((each) => printed.includes(base64(each)))).toEqual([]);
    });
  });
}
