/**
 * What every door to a cluster must do alike: in process, over HTTP through our adapter, and a real API server. Time
 * passes only through `eventually` and `pause`, because on a real cluster it cannot be moved.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultKind, Faults } from '../../infra/local/world/faults.ts';
import type { KubernetesApi, Resource } from '../../shared/adapters/kubernetes/api.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonPatch } from '../../shared/domain/json.ts';

export interface KubernetesDoor {
  readonly api: KubernetesApi;
  /** Empty at the beginning of each test. */
  readonly namespace: string;
  /** Lets the cluster work until the check holds; rejects when it never does. */
  readonly eventually: (check: () => Promise<boolean>) => Promise<void>;
  /** Long enough for controllers to do what they would do. */
  readonly pause: () => Promise<void>;
  /** Ends the main process of a pod, as a kubelet reports it. */
  readonly endPod: (pod: string, exitCode: number) => Promise<void>;
  /** Absent where nothing can be made to fail. */
  readonly scripted?: {
    readonly faults: Faults;
    /** The same API; where its deadline is real it is too short for a busy machine to do anything else with it. */
    readonly impatient: KubernetesApi;
    /** Passes the deadline of a call that hangs. */
    readonly passDeadline: () => Promise<void>;
  };
  readonly close?: () => Promise<void>;
}

export interface ContractOptions {
  /** False on a cluster whose failures cannot be scripted. */
  readonly scripted: boolean;
}

type GetDoor = () => KubernetesDoor;

const metadataOf = (object: JsonObject | undefined): JsonObject =>
  isJsonObject(object?.['metadata']) ? object['metadata'] : {};
function wordOf(object: JsonObject, key: string): string {
  const word = object[key];
  if (typeof word !== 'string') throw new Error(`no ${key}`);
  return word;
}
const nameOf = (object: JsonObject): string => wordOf(metadataOf(object), 'name');
const uidOf = (object: JsonObject): string => wordOf(metadataOf(object), 'uid');

/** A Job that a namespace with restricted pods takes. */
function aJob(name: string, overrides: { suspend?: boolean; labels?: Record<string, string> } = {}): JsonObject {
  const { suspend = false, labels = {} } = overrides;
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const container = {
    name: 'agent',
    image: 'registry.example/agent:1',
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '16Mi' } },
    securityContext,
  };
  const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, automountServiceAccountToken: false };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels, annotations: { 'mayfly.dev/phase': 'creating' } },
    spec: {
      backoffLimit: 0,
      suspend,
      podReplacementPolicy: 'Failed',
      template: { metadata: { labels }, spec: { ...spec, containers: [container] } },
    },
  };
}

const phasePointer = '/metadata/annotations/mayfly.dev~1phase';
const start = (uid: string): JsonPatch => [
  { op: 'test', path: '/metadata/uid', value: uid },
  { op: 'test', path: phasePointer, value: 'creating' },
  { op: 'replace', path: phasePointer, value: 'started' },
  { op: 'replace', path: '/spec/suspend', value: false },
];

async function podsOf({ api, namespace }: KubernetesDoor, job: string): Promise<readonly JsonObject[]> {
  return api.list('pods', namespace, { labelSelector: `batch.kubernetes.io/job-name=${job}` });
}

async function isGone({ api, namespace }: KubernetesDoor, resource: Resource, name: string): Promise<boolean> {
  try {
    await api.get(resource, namespace, name);
    return false;
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'notFound') return true;
    throw error;
  }
}

async function hasPods(door: KubernetesDoor, job: string, count: number): Promise<boolean> {
  return (await podsOf(door, job)).length === count;
}

/** A started Job and its one pod. */
async function aRunningJob(door: KubernetesDoor, name: string): Promise<{ job: JsonObject; pod: JsonObject }> {
  const job = await door.api.create('jobs', door.namespace, aJob(name));
  await door.eventually(() => hasPods(door, name, 1));
  const [pod] = await podsOf(door, name);
  if (pod === undefined) throw new Error('no pod');
  return { job, pod };
}

async function kindOf(call: Promise<unknown>): Promise<UpstreamErrorKind | 'resolved'> {
  try {
    await call;
    return 'resolved';
  } catch (error) {
    if (error instanceof UpstreamError) return error.kind;
    throw error;
  }
}

export function kubernetesApiContract(
  name: string,
  makeDoor: () => Promise<KubernetesDoor> | KubernetesDoor,
  options: ContractOptions,
): void {
  describe(`the Kubernetes API ${name}`, () => {
    let door: KubernetesDoor;
    beforeEach(async () => {
      door = await makeDoor();
    });
    afterEach(() => door.close?.());

    writing(() => door);
    patching(() => door);
    deleting(() => door);
    running(() => door);
    if (options.scripted) failing(() => door);
  });
}

function writing(getDoor: GetDoor): void {
  describe('creating and reading', () => {
    it('answers the object with its UID and shows the same by name and in the list', async () => {
      const { api, namespace } = getDoor();
      const created = await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const read = await api.get('jobs', namespace, 'one');
      const [listed, ...others] = await api.list('jobs', namespace);
      expect([uidOf(read), uidOf(listed ?? {}), others]).toEqual([uidOf(created), uidOf(created), []]);
      expect(created).toMatchObject({ kind: 'Job', spec: { suspend: true } });
    });

    it('refuses a second object of the same name', async () => {
      const { api, namespace } = getDoor();
      await api.create('jobs', namespace, aJob('one', { suspend: true }));
      expect(await kindOf(api.create('jobs', namespace, aJob('one', { suspend: true })))).toBe('conflict');
      expect(await api.list('jobs', namespace)).toHaveLength(1);
    });

    it('refuses what is not valid', async () => {
      const { api, namespace } = getDoor();
      const wrong = { ...aJob('one'), spec: { template: { spec: { restartPolicy: 'Always', containers: [] } } } };
      expect(await kindOf(api.create('jobs', namespace, wrong))).toBe('invalid');
      expect(await api.list('jobs', namespace)).toEqual([]);
    });

    it('knows nothing under an unknown name or namespace', async () => {
      const { api, namespace } = getDoor();
      expect(await kindOf(api.get('jobs', namespace, 'nope'))).toBe('notFound');
      expect(await kindOf(api.create('jobs', 'mayfly-nowhere', aJob('one')))).toBe('notFound');
    });

    it('lists what the labels select, and nothing where they select nothing', async () => {
      const { api, namespace } = getDoor();
      await api.create('jobs', namespace, aJob('one', { suspend: true, labels: { pool: '1' } }));
      await api.create('jobs', namespace, aJob('two', { suspend: true, labels: { pool: '2' } }));
      const names = async (labelSelector: string): Promise<readonly string[]> =>
        (await api.list('jobs', namespace, { labelSelector })).map(nameOf);
      expect([await names('pool=2'), await names('pool'), await names('pool=3')]).toEqual([
        ['two'],
        ['one', 'two'],
        [],
      ]);
    });

    it('follows the pages of a list to the end', async () => {
      const { api, namespace } = getDoor();
      const names = ['a', 'b', 'c', 'd', 'e'];
      const map = (each: string): JsonObject => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: each, labels: { paged: 'yes' } },
      });
      for (const each of names) await api.create('configmaps', namespace, map(each));
      expect((await api.list('configmaps', namespace, { labelSelector: 'paged=yes' })).map(nameOf)).toEqual(names);
    });

    it('keeps an immutable Secret, whose data it answers in base64', async () => {
      const { api, namespace } = getDoor();
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' }, immutable: true };
      await api.create('secrets', namespace, { ...secret, stringData: { file: 'text' } });
      const change: JsonPatch = [{ op: 'replace', path: '/data/file', value: 'b3RoZXI=' }];
      expect(await kindOf(api.patch('secrets', namespace, 'one', change))).toBe('invalid');
      expect((await api.get('secrets', namespace, 'one'))['data']).toEqual({ file: 'dGV4dA==' });
    });
  });
}

function patching(getDoor: GetDoor): void {
  describe('patching', () => {
    it('starts a Job of which every test holds', async () => {
      const { api, namespace } = getDoor();
      const job = await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const started = await api.patch('jobs', namespace, 'one', start(uidOf(job)));
      expect(started).toMatchObject({
        metadata: { annotations: { 'mayfly.dev/phase': 'started' } },
        spec: { suspend: false },
      });
    });

    it('changes nothing when a test fails, so that of two starts one wins', async () => {
      const { api, namespace } = getDoor();
      const job = await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const attempts = [1, 2].map(() => kindOf(api.patch('jobs', namespace, 'one', start(uidOf(job)))));
      expect((await Promise.all(attempts)).toSorted()).toEqual(['invalid', 'resolved']);
    });

    it('refuses a start for another Job of that name', async () => {
      const { api, namespace } = getDoor();
      await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const other = start('00000000-0000-0000-0000-000000000000');
      expect(await kindOf(api.patch('jobs', namespace, 'one', other))).toBe('invalid');
      expect(await api.get('jobs', namespace, 'one')).toMatchObject({ spec: { suspend: true } });
    });

    it('knows no Job that is not there', async () => {
      const { api, namespace } = getDoor();
      expect(await kindOf(api.patch('jobs', namespace, 'nope', start('any')))).toBe('notFound');
    });
  });
}

function deleting(getDoor: GetDoor): void {
  describe('deleting', () => {
    it('takes the pod with the Job in the background', async () => {
      const door = getDoor();
      const { job } = await aRunningJob(door, 'one');
      await door.api.delete('jobs', door.namespace, 'one', { uid: uidOf(job), propagationPolicy: 'Background' });
      expect(await isGone(door, 'jobs', 'one')).toBe(true);
      await door.eventually(() => hasPods(door, 'one', 0));
    });

    it('leaves the pod as an orphan when no policy is given', async () => {
      const door = getDoor();
      const { pod } = await aRunningJob(door, 'one');
      await door.api.delete('jobs', door.namespace, 'one');
      await door.eventually(() => isGone(door, 'jobs', 'one'));
      await door.pause();
      const orphan = await door.api.get('pods', door.namespace, nameOf(pod));
      expect({ uid: uidOf(orphan), owners: metadataOf(orphan)['ownerReferences'] ?? [] }).toEqual({
        uid: uidOf(pod),
        owners: [],
      });
    });

    it('keeps a Job whose UID is not the one that is meant', async () => {
      const { api, namespace } = getDoor();
      await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const uid = '00000000-0000-0000-0000-000000000000';
      expect(await kindOf(api.delete('jobs', namespace, 'one', { uid, propagationPolicy: 'Background' }))).toBe(
        'conflict',
      );
      expect(await api.list('jobs', namespace)).toHaveLength(1);
    });

    it('knows nothing under an unknown name', async () => {
      const { api, namespace } = getDoor();
      expect(await kindOf(api.delete('secrets', namespace, 'nope'))).toBe('notFound');
    });

    it('collects the Secret that a deleted Job owned', async () => {
      const door = getDoor();
      const { api, namespace } = door;
      const job = await api.create('jobs', namespace, aJob('one', { suspend: true }));
      const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'one', uid: uidOf(job) };
      const metadata = { name: 'one', ownerReferences: [owner] };
      await api.create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata });
      await door.pause();
      expect(metadataOf(await api.get('secrets', namespace, 'one'))['ownerReferences']).toMatchObject([owner]);
      await api.delete('jobs', namespace, 'one', { uid: uidOf(job), propagationPolicy: 'Background' });
      await door.eventually(() => isGone(door, 'secrets', 'one'));
    });
  });
}

const suspend: JsonPatch = [{ op: 'replace', path: '/spec/suspend', value: true }];

function conditionsOf(job: JsonObject): readonly string[] {
  const { conditions } = isJsonObject(job['status']) ? job['status'] : {};
  if (!Array.isArray(conditions)) return [];
  return conditions.filter(isJsonObject).flatMap((each) => (each['status'] === 'True' ? [wordOf(each, 'type')] : []));
}

function running(getDoor: GetDoor): void {
  describe('running', () => {
    it('makes no pod for a suspended Job', async () => {
      const door = getDoor();
      await door.api.create('jobs', door.namespace, aJob('one', { suspend: true }));
      await door.pause();
      expect(await podsOf(door, 'one')).toEqual([]);
    });

    it('makes one pod once the Job is started, owned by it and with the labels of its template', async () => {
      const door = getDoor();
      const { api, namespace } = door;
      const job = await api.create('jobs', namespace, aJob('one', { suspend: true, labels: { pool: '7' } }));
      await api.patch('jobs', namespace, 'one', start(uidOf(job)));
      await door.eventually(() => hasPods(door, 'one', 1));
      const [pod] = await podsOf(door, 'one');
      expect(metadataOf(pod)).toMatchObject({
        labels: { pool: '7' },
        ownerReferences: [{ kind: 'Job', uid: uidOf(job), controller: true }],
      });
    });

    it('ends the pod of a Job that is suspended, without calling it failed', async () => {
      const door = getDoor();
      await aRunningJob(door, 'one');
      await door.api.patch('jobs', door.namespace, 'one', suspend);
      await door.eventually(() => hasPods(door, 'one', 0));
      await door.pause();
      expect(conditionsOf(await door.api.get('jobs', door.namespace, 'one'))).toEqual(['Suspended']);
    });

    it.each([
      { name: 'completes a Job whose pod succeeds', given: 0, want: 'Complete' },
      { name: 'fails a Job whose pod fails, and starts no other pod', given: 1, want: 'Failed' },
    ])('$name', async ({ given, want }) => {
      const door = getDoor();
      const { pod } = await aRunningJob(door, 'one');
      await door.pause();
      await door.endPod(nameOf(pod), given);
      await door.eventually(async () => conditionsOf(await door.api.get('jobs', door.namespace, 'one')).includes(want));
      expect((await podsOf(door, 'one')).map(uidOf)).toEqual([uidOf(pod)]);
    });
  });
}

interface FaultRow {
  readonly name: string;
  readonly given: FaultKind;
  readonly want: UpstreamErrorKind;
}

/** Infinity: an adapter that repeats a read meets the same again. */
const statusRows: readonly FaultRow[] = [
  { name: '400', given: { kind: 'status', status: 400 }, want: 'invalid' },
  { name: '401', given: { kind: 'status', status: 401 }, want: 'unauthorized' },
  { name: '403', given: { kind: 'status', status: 403 }, want: 'forbidden' },
  { name: '404', given: { kind: 'status', status: 404 }, want: 'notFound' },
  { name: '409', given: { kind: 'status', status: 409 }, want: 'conflict' },
  { name: '410', given: { kind: 'status', status: 410 }, want: 'unavailable' },
  { name: '422', given: { kind: 'status', status: 422 }, want: 'invalid' },
  { name: '429', given: { kind: 'status', status: 429 }, want: 'throttled' },
  { name: '500', given: { kind: 'status', status: 500 }, want: 'unavailable' },
  { name: '503', given: { kind: 'status', status: 503 }, want: 'unavailable' },
  { name: 'a null body', given: { kind: 'nullBody' }, want: 'unexpected' },
  { name: 'a body that breaks off', given: { kind: 'truncated' }, want: 'unexpected' },
  { name: 'a sign-in page', given: { kind: 'signInPage' }, want: 'unexpected' },
  { name: 'a connection that breaks', given: { kind: 'lostBefore' }, want: 'unavailable' },
];

function failing(getDoor: GetDoor): void {
  const script = (door: KubernetesDoor, fault: FaultKind, verb: string, times = Number.POSITIVE_INFINITY): void => {
    if (door.scripted === undefined) throw new Error('this door has no faults');
    door.scripted.faults.add(fault, (call) => call.verb === verb, times);
  };

  describe('failing', () => {
    it.each(statusRows)('reads $name in answer to a create as $want', async ({ given, want }) => {
      const door = getDoor();
      script(door, given, 'create jobs');
      expect(await kindOf(door.api.create('jobs', door.namespace, aJob('one', { suspend: true })))).toBe(want);
    });

    it.each(statusRows)('reads $name in answer to a list as $want, never as an empty list', async ({ given, want }) => {
      const door = getDoor();
      script(door, given, 'list jobs');
      expect(await kindOf(door.api.list('jobs', door.namespace))).toBe(want);
    });

    it('says how long to stay away', async () => {
      const door = getDoor();
      script(door, { kind: 'status', status: 429, retryAfterSeconds: 7 }, 'create jobs');
      const refused = door.api.create('jobs', door.namespace, aJob('one'));
      await expect(refused).rejects.toMatchObject({ kind: 'throttled', status: 429, retryAfterMs: 7000 });
    });

    it('rejects a create whose reply is lost, though the object is there', async () => {
      const door = getDoor();
      script(door, { kind: 'lostAfter' }, 'create jobs', 1);
      expect(await kindOf(door.api.create('jobs', door.namespace, aJob('one', { suspend: true })))).toBe('unavailable');
      expect((await door.api.list('jobs', door.namespace)).map(nameOf)).toEqual(['one']);
    });

    it.each(['create jobs', 'list jobs'])('gives up a %s that is never answered', async (verb) => {
      const door = getDoor();
      script(door, { kind: 'hang' }, verb);
      const { impatient = door.api } = door.scripted ?? {};
      const hanging = kindOf(
        verb === 'list jobs'
          ? impatient.list('jobs', door.namespace)
          : impatient.create('jobs', door.namespace, aJob('one', { suspend: true })),
      );
      await door.scripted?.passDeadline();
      expect(await hanging).toBe('timeout');
    });
  });
}
