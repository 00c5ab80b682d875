/** The walk for strayed secrets finds one in every kind of place and in every form; what it does not find is not there. */
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localSecrets, queueName } from '../../infra/local/start/localSettings.ts';
import { type LocalSystem, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { aSecret, findSecrets, type Place, type PlaceKind } from '../support/secretWalk.ts';
import { agentKeys, ofRegistration, poolSecrets, Recorder } from '../support/secretWalkPlaces.ts';

const namespace = 'mayfly-agents';
const pat = localSecrets.registration;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const recorder = new Recorder();
let system: LocalSystem;

beforeAll(async () => {
  recorder.watchConsole();
  const podTimes = { schedule: [1, 2], pull: [1, 2], start: [1, 2], agent: [1, 2] } as const;
  system = await startLocalSystem({ ...recorder.options, portBase: 0, host: false, seed: 1, podTimes });
  recorder.watch(system);
});
afterAll(async () => {
  recorder.stop();
  await system.close();
});

const create = (resource: 'pods' | 'jobs' | 'secrets' | 'configmaps' | 'events', object: JsonObject): void => {
  const apiVersion = resource === 'jobs' ? 'batch/v1' : 'v1';
  system.cluster.create(resource, namespace, { apiVersion, ...object });
};
const container = (more: JsonObject = {}): JsonObject => ({
  name: 'agent',
  image: 'registry.example/a',
  resources: { requests: { cpu: '1m', memory: '1Mi' } },
  ...more,
});
const pod = (name: string, spec: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { restartPolicy: 'Never', containers: [container()], ...spec },
});
const job = (name: string, metadata: JsonObject, spec: JsonObject = {}): JsonObject => ({
  kind: 'Job',
  metadata: { name, ...metadata },
  spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [container()], ...spec } } },
});

async function send(body: JsonObject): Promise<void> {
  const client = new ServiceBusClient(system.serviceBus.connectionString);
  await client.createSender(queueName).sendMessages({ body, sessionId: 's', messageId: 'planted' });
  await client.close();
}

interface Row {
  readonly name: string;
  readonly kind: PlaceKind;
  /** Part of where it is found. */
  readonly where: string;
  readonly plant: () => unknown;
}

const table: readonly Row[] = [
  {
    name: 'a variable of a pod',
    kind: 'pod',
    where: 'pods/env spec.containers.0.env.0.value',
    plant: () => create('pods', pod('env', { containers: [container({ env: [{ name: 'TOKEN', value: pat }] })] })),
  },
  {
    name: 'an argument of a pod',
    kind: 'pod',
    where: 'pods/args spec.containers.0.args.1',
    plant: () => create('pods', pod('args', { containers: [container({ args: ['--token', pat] })] })),
  },
  {
    name: 'an annotation of a pod, as part of something encoded',
    kind: 'pod',
    where: 'pods/note metadata.annotations.note',
    plant: () => create('pods', pod('note', {}, { annotations: { note: base64(`{"user":"x","token":"${pat}"}`) } })),
  },
  {
    name: 'a label of a Job',
    kind: 'job',
    where: 'jobs/label metadata.labels.token',
    plant: () => create('jobs', job('label', { labels: { token: pat } })),
  },
  {
    name: 'the pod template of a Job',
    kind: 'job',
    where: 'jobs/template spec.template.spec.containers.0.command.1',
    plant: () => create('jobs', job('template', {}, { containers: [container({ command: ['sh', `x ${pat} y`] })] })),
  },
  {
    name: 'a Secret under another key',
    kind: 'secret',
    where: 'secrets/other data.pat',
    plant: () => create('secrets', { kind: 'Secret', metadata: { name: 'other' }, data: { pat: base64(pat) } }),
  },
  {
    name: 'a ConfigMap',
    kind: 'configMap',
    where: 'configmaps/map data.config',
    plant: () =>
      create('configmaps', { kind: 'ConfigMap', metadata: { name: 'map' }, data: { config: `a: "${pat}"` } }),
  },
  {
    name: 'an event',
    kind: 'event',
    where: 'events/event message',
    plant: () =>
      create('events', {
        kind: 'Event',
        metadata: { name: 'event', namespace },
        involvedObject: { kind: 'Pod', name: 'x', namespace },
        message: `refused ${pat}`,
        reason: 'Planted',
        type: 'Warning',
      }),
  },
  {
    name: 'a file of a main container',
    kind: 'mainFile',
    where: '/somewhere/token',
    plant: async () => {
      create('secrets', { kind: 'Secret', metadata: { name: 'files' }, data: { token: base64(pat) } });
      const volumeMounts = [{ name: 'files', mountPath: '/somewhere' }];
      const volumes = [{ name: 'files', secret: { secretName: 'files' } }];
      create('pods', pod('files', { containers: [container({ volumeMounts })], volumes }));
      while (!recorder.places.some(({ kind }) => kind === 'mainFile')) await system.clock.sleep(5);
    },
  },
  {
    name: 'a file of an init container that does not register',
    kind: 'mainFile',
    where: '/elsewhere/token',
    plant: async () => {
      const volumeMounts = [{ name: 'files', mountPath: '/elsewhere' }];
      const volumes = [{ name: 'files', secret: { secretName: 'files' } }];
      const initContainers = [container({ name: 'helper', volumeMounts })];
      create('pods', pod('init', { initContainers, volumes }));
      while (!recorder.places.some(({ where }) => where.includes('/elsewhere/'))) await system.clock.sleep(5);
    },
  },
  {
    name: 'what a container printed',
    kind: 'podLog',
    where: 'printer agent',
    plant: async () => {
      create('pods', pod('printer', {}));
      while (!recorder.places.some(({ where }) => where === 'printer agent')) await system.clock.sleep(5);
      system.cluster.log(namespace, 'printer', `config.sh --token ${pat}\n`);
      system.cluster.evict(namespace, 'printer');
      while (!recorder.places.some(({ where, text }) => where === 'printer agent' && text !== ''))
        await system.clock.sleep(5);
    },
  },
  {
    name: 'a tag of a run',
    kind: 'runTag',
    where: 'run ',
    plant: () => {
      system.devOps.addAgent(1, { name: 'plain', version: '5.278.0' });
      const queued = system.queueJob('linux', { durationMs: 1 });
      system.devOps.runs.addTag(queued.runId, pat);
      // A tag alone is no event; the next one shows it.
      system.queueJob('linux', { durationMs: 1 });
    },
  },
  {
    name: 'an event that is told of a control map',
    kind: 'event',
    where: 'events/mayfly-pool-1.1 note',
    plant: () =>
      create('events', {
        kind: 'Event',
        metadata: { name: 'mayfly-pool-1.1', namespace },
        regarding: { kind: 'ConfigMap', name: 'mayfly-pool-1', namespace },
        note: `lost with ${base64(pat)}`,
        reason: 'LostMidJob',
        type: 'Warning',
      }),
  },
  {
    name: 'a log line',
    kind: 'log',
    where: 'sweep',
    plant: () => recorder.options.onLog?.('sweep', 'info', `x=${pat}`),
  },
  {
    name: 'a line that is printed outside of functions',
    kind: 'log',
    where: 'console.debug',
    plant: () => console.debug({ authorization: `Basic ${base64(`VstsAgent:${pat}`)}` }),
  },
  { name: 'an intent', kind: 'intent', where: 'planted body.token', plant: () => send({ token: pat }) },
  {
    name: 'a capability of an agent',
    kind: 'agent',
    where: 'leaky systemCapabilities.AZP_TOKEN',
    plant: () =>
      system.devOps.addAgent(1, { name: 'leaky', version: '5.278.0', systemCapabilities: { AZP_TOKEN: pat } }),
  },
  {
    name: 'a demand of a request',
    kind: 'request',
    where: 'demands',
    plant: () => system.queueJob('linux', { demands: [`AZP_TOKEN -equals ${pat}`], durationMs: 1 }),
  },
  {
    name: 'an answer',
    kind: 'answer',
    where: 'health',
    plant: () => recorder.add({ kind: 'answer', where: 'health', text: JSON.stringify({ url: `https://x:${pat}@y` }) }),
  },
];

describe('the walk', () => {
  it('finds nothing where nothing was planted', () => {
    expect(findSecrets(recorder.places, poolSecrets(system))).toEqual([]);
  });

  it.each(table)('finds $name', async ({ kind, where, plant }) => {
    await plant();
    const found = findSecrets(recorder.places, poolSecrets(system));
    expect(found.filter((each) => each.startsWith(`registration PAT in ${kind} `) && each.includes(where))).not.toEqual(
      [],
    );
  });

  const forms: readonly { readonly name: string; readonly given: string }[] = [
    { name: 'as it is', given: 'a "b" \\ c/d+e=f?' },
    { name: 'escaped in JSON', given: JSON.stringify({ x: 'a "b" \\ c/d+e=f?' }) },
    { name: 'in an address', given: `https://x/?y=${encodeURIComponent('a "b" \\ c/d+e=f?')}` },
    { name: 'as base64', given: base64('a "b" \\ c/d+e=f?') },
    { name: 'in base64, one byte later', given: base64('1a "b" \\ c/d+e=f?!') },
    { name: 'in base64, two bytes later', given: base64('12a "b" \\ c/d+e=f?!!') },
    { name: 'as base64url', given: Buffer.from('xa "b" \\ c/d+e=f?').toString('base64url') },
    { name: 'as base64 of base64', given: base64(`{"data":"${base64('a "b" \\ c/d+e=f?')}"}`) },
    { name: 'as hexadecimal digits', given: Buffer.from('a "b" \\ c/d+e=f?').toString('hex') },
  ];
  it.each(forms)('knows a secret $name', ({ given }) => {
    const place: Place = { kind: 'log', where: 'line', text: `before ${given} after` };
    expect(findSecrets([place], [aSecret('it', 'a "b" \\ c/d+e=f?')])).toEqual(['it in log line']);
    expect(findSecrets([{ ...place, text: 'before after' }], [aSecret('it', 'a "b" \\ c/d+e=f?')])).toEqual([]);
  });

  const places: readonly { readonly name: string; readonly given: Place; readonly want: boolean }[] = [
    { name: 'its Secret', given: { kind: 'secret', where: 'secrets/mf-1 data.token', text: '' }, want: true },
    {
      name: 'the mount of its init container',
      given: { kind: 'initFile', where: 'mf-1 /mayfly/registration/token', text: '' },
      want: true,
    },
    {
      name: 'that path in a main container',
      given: { kind: 'mainFile', where: 'mf-1 /mayfly/registration/token', text: '' },
      want: false,
    },
    {
      name: 'the memory volume',
      given: { kind: 'initFile', where: 'mf-1 /mayfly/agent/.credentials', text: '' },
      want: false,
    },
  ];
  it.each(places)('lets the credential of the pool stand in $name: $want', ({ given, want }) => {
    expect(ofRegistration(given)).toBe(want);
  });

  it("lets an agent's key stand in its own Secret and pod, and nowhere else", () => {
    const component = Buffer.alloc(32, 7).toString('base64');
    const key = JSON.stringify({
      modulus: 'AA==',
      d: component,
      dp: component,
      dq: component,
      inverseQ: '',
      p: '',
      q: '',
    });
    const at = (kind: PlaceKind, where: string, agentJob: string, text = key): Place => ({
      kind,
      where,
      agentJob,
      text,
    });
    const own = at('mainFile', 'mf-1 /mayfly/agent/.credentials_rsaparams', 'mf-1');
    const secret = 'data..credentials_rsaparams';
    const all = [
      own,
      at('secret', `secrets/mf-1 ${secret}`, 'mf-1', base64(key)),
      at('secret', `secrets/mf-2 ${secret}`, 'mf-2', base64(key)),
      at('mainFile', 'mf-2 /mayfly/agent/.credentials_rsaparams', 'mf-2', key.replace('AA==', 'AB==')),
      at('log', 'reconcilePool', 'mf-1'),
    ];
    const found = findSecrets(all, agentKeys([own]));
    expect(new Set(found.map((each) => each.replace(/^.* of mf-1 in /, '')))).toEqual(
      new Set([
        `secret secrets/mf-2 ${secret}`,
        'mainFile mf-2 /mayfly/agent/.credentials_rsaparams',
        'log reconcilePool',
      ]),
    );
  });
});
