/** The pod that is built and the entrypoint that runs in it agree: folders, arguments and variables. */
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { list, record, text } from '../../../infra/local/kubernetes/object.ts';
import type { JsonValue } from '../../../shared/domain/json.ts';
import { buildAgentPodSpec } from '../../../shared/plan/manifest.ts';
import { AgentPod, plantedToken } from '../../support/agentImage.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const name = 'mf-test-abcd-7-1-1';
const place = { kind: 'initConfig', url: 'https://dev.azure.com/contoso', poolName: 'My pool' } as const;
const proxy = { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example'] };
const spec = buildAgentPodSpec(aTemplate({ proxy, inject: { image: 'inject' } }), name, place);
const [inject, register] = list(spec, 'initContainers').map((each) => record(each));
const agent = record(list(spec, 'containers')[0]);

const mounted = (container: JsonValue | undefined, volume: string): string | undefined =>
  list(container, 'volumeMounts').flatMap((each) => (text(each, 'name') === volume ? text(each, 'mountPath') : []))[0];

/** As the kubelet fills them in. */
const fields: Readonly<Record<string, string>> = {
  'metadata.name': `${name}-abcde`,
  'metadata.namespace': 'agents',
  'spec.nodeName': 'node-7',
};
const environmentOf = (container: JsonValue | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    list(container, 'env').map((each) => [
      text(each, 'name') ?? '',
      text(each, 'value') ?? fields[text(each, 'valueFrom', 'fieldRef', 'fieldPath') ?? ''] ?? '',
    ]),
  );

const pods: AgentPod[] = [];
afterEach(() => {
  for (const pod of pods.splice(0)) pod.remove();
});

describe('the generated pod', () => {
  const source = (path: string): string =>
    readFileSync(fileURLToPath(new URL(`../../../infra/agent/${path}`, import.meta.url)), 'utf8');

  it('mounts each volume where the entrypoint looks for it', () => {
    const entrypoint = source('entrypoint.sh');
    const standard = (variable: string) => new RegExp(`\\$\\{${variable}:-(/[^}]*)\\}`).exec(entrypoint)?.[1];
    const files = standard('MAYFLY_FILES');
    expect([mounted(agent, 'agent-files'), mounted(register, 'agent-files')]).toEqual([files, files]);
    expect(mounted(register, 'registration')).toBe(standard('MAYFLY_REGISTRATION'));
    const image = source('Dockerfile');
    expect([mounted(agent, 'run'), mounted(agent, 'inject')].filter((path) => !image.includes(path ?? '?'))).toEqual(
      [],
    );
    expect(source('Dockerfile.inject')).toContain(`CMD ["${mounted(inject, 'inject')}"]`);
    expect(image).toContain(`ENTRYPOINT ${JSON.stringify(agent['command']).replaceAll('","', '", "')}`);
  });

  it('registers by its own arguments and then runs, with nothing of Mayfly in the environment of the agent', async () => {
    const pod = new AgentPod();
    pods.push(pod);
    pod.share();
    pod.mount({ token: plantedToken, '.capabilities': 'a=b\n' }, 'registration');
    const args = list(register, 'args').map(String);
    const registered = await pod.start(args, { ...environmentOf(register), STAND_IN_STORY: 'ok' }).ended;
    expect(registered).toMatchObject({ code: 0, stdout: `mayfly: registered ${name}\n` });
    const told = pod.read('notes/arguments').trim().split('\n');
    expect(told.slice(4)).toEqual([...args.slice(1), '--work', mounted(agent, 'work')]);

    // The main container has no such volume.
    rmSync(pod.path('registration'), { recursive: true });
    const folders = { AGENT_DIAGLOGPATH: pod.path('diag'), WORKER_DIAGLOGPATH: pod.path('diag') };
    const ended = await pod.start([], { ...environmentOf(agent), ...folders, STAND_IN_STORY: 'job 0' }).ended;
    expect(ended.code).toBe(0);
    for (const line of ['Pod: mf-test-abcd-7-1-1-abcde', 'Namespace: agents', 'Node: node-7', 'Image: registry']) {
      expect(pod.read('run/.setup_info')).toContain(line);
    }
    expect(pod.read('notes/environment').split('\n')).not.toContainEqual(expect.stringMatching(/^MAYFLY_/));
  });
});
