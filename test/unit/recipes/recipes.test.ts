import { describe, expect, it } from 'vitest';
import { list, nameOf, namespaceOf, record, text } from '../../../infra/local/kubernetes/object.ts';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { podSchemaProblems } from '../../../shared/config/podSchema.ts';
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import type { Template } from '../../../shared/domain/template.ts';
import { buildAgentJobManifest, buildAgentPodSpec, generatedPodSpec } from '../../../shared/plan/manifest.ts';
import { mergePod } from '../../../shared/plan/podMerge.ts';
import { aConfigText, aPoolDocument, aTemplateDocument } from '../../support/configText.ts';
import { isRestricted } from '../../support/podSecurity.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { blocksOf, loadRecipes, type Recipe, recipesIndex } from '../../support/recipes.ts';
import { aScene, type Scene } from '../infra/kubernetes/aWorld.ts';

const recipes = loadRecipes();
const withTemplates = recipes.filter((recipe) => blocksOf(recipe, 'template').length > 0);
const agents = 'mayfly-agents';
const inPod = { kind: 'initConfig', url: 'https://dev.azure.com/contoso', poolName: 'linux' } as const;

/** What a minimal mayfly.yaml makes of the template blocks of one recipe; throws what is wrong with it. */
function templatesOf(recipe: Recipe): readonly Template[] {
  const templates = blocksOf(recipe, 'template').map((block) => aTemplateDocument(block));
  const names = templates.map((template) => String(Reflect.get(template, 'name')));
  return parse({ templates, pools: [aPoolDocument({ templates: names })] });
}

const parse = (overrides: object): readonly Template[] =>
  parseConfig(aConfigText(overrides), recipesPath, {}).templates;
const recipesPath = 'mayfly.yaml';

describe('recipes', () => {
  it('are listed in the index with their marks', () => {
    const rows = recipes.map(({ file, title, mark }) => `| [${title}](${file}) | ${mark} |`);
    expect(recipesIndex()).toContain(`| recipe | mark |\n| --- | --- |\n${rows.join('\n')}\n`);
  });

  it.each(withTemplates)('are templates that mayfly.yaml takes: $title', (recipe) => {
    const problems = templatesOf(recipe).flatMap((template) => [
      ...mergePod(generatedPodSpec(template, 'mf-a'), template.pod).problems,
      ...podSchemaProblems(buildAgentPodSpec(template, 'mf-a')),
      ...podSchemaProblems(buildAgentPodSpec(template, 'mf-a', inPod)),
    ]);
    expect(problems).toEqual([]);
  });

  it.each(withTemplates)('mount what they or the reader has made: $title', (recipe) => {
    const kinds = ['Secret', 'ConfigMap', 'PersistentVolumeClaim'];
    const made = recipe.blocks.filter(({ kind }) => kind === 'manifest').map(({ object }) => object);
    const names = made.filter((object) => kinds.includes(text(object, 'kind') ?? '')).map(nameOf);
    const mounted = templatesOf(recipe).flatMap((template) =>
      list(buildAgentPodSpec(template, 'mf-a'), 'volumes').flatMap(sourceNames),
    );
    const known = [...names, ...madeElsewhere, 'mf-a'];
    expect(mounted.filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(recipes.filter((recipe) => blocksOf(recipe, 'config').length > 0))('are configurations: $title', (recipe) => {
    expect(blocksOf(recipe, 'config').flatMap(parse)).toHaveLength(1);
  });

  const podMakers = recipes.flatMap((recipe) =>
    blocksOf(recipe, 'manifest').flatMap((object) => {
      const pod = podOf(object);
      return pod === undefined ? [] : [{ title: recipe.title, pod }];
    }),
  );
  it.each(podMakers)('make pods that Kubernetes knows: $title', ({ pod }) => {
    const claims = list(pod, 'claims').map((claim) => ({ name: nameOf(claim as JsonObject), emptyDir: {} }));
    const { claims: _, ...spec } = pod;
    expect(podSchemaProblems({ ...spec, volumes: [...(list(spec, 'volumes') as JsonObject[]), ...claims] })).toEqual(
      [],
    );
  });

  const running = recipes.filter(({ mark }) => mark === 'Runs in the stand-in');
  it.each(running)('run in the stand-in where they say so: $title', async (recipe) => {
    for (const template of templatesOf(recipe)) {
      const scene = aScene({ namespaces: [agents] });
      const phase = await phaseAfterStart(scene, template, blocksOf(recipe, 'manifest'));
      expect({ template: template.name, phase }).toEqual({ template: template.name, phase: 'Running' });
    }
  });

  it('fulfil the restricted profile of the namespace of agents, but for the one that says otherwise', () => {
    const open = withTemplates.filter((recipe) =>
      templatesOf(recipe).some((template) => !isRestricted(buildAgentPodSpec(template, 'mf-a', inPod))),
    );
    expect(open.map(({ title }) => title)).toEqual(['A container engine, and its MTU']);
  });

  it('claim to run in the stand-in only with a template, and never to have met a real API server', () => {
    expect(running.filter((recipe) => blocksOf(recipe, 'template').length === 0)).toEqual([]);
    expect(recipes.filter(({ mark }) => mark.startsWith('Passes'))).toEqual([]);
  });
});

/** A certificate of the daemon's own authority, which no document can hold. */
const madeElsewhere = ['buildkit-client'];

function sourceNames(volume: unknown): readonly string[] {
  if (!isJsonObject(volume)) return [];
  const { secret, configMap, persistentVolumeClaim } = volume;
  return [text(secret, 'secretName'), text(configMap, 'name'), text(persistentVolumeClaim, 'claimName')].filter(
    (name) => name !== undefined,
  );
}

/** The pod spec in an object; the claims of a StatefulSet are volumes of its pods. */
function podOf(object: JsonObject): JsonObject | undefined {
  if (text(object, 'kind') === 'Pod') return record(object, 'spec');
  const spec = record(object, 'spec', 'template', 'spec');
  return Object.keys(spec).length === 0 ? undefined : { ...spec, claims: list(object, 'spec', 'volumeClaimTemplates') };
}

/** The Job that we would make, born suspended and resumed, with its own Secret and what the recipe brings along. */
async function phaseAfterStart(scene: Scene, template: Template, manifests: readonly JsonObject[]) {
  const { world, clock } = scene;
  const strict = { fieldValidation: 'Strict' } as const;
  const name = 'mf-test-abcd-7-1-1';
  const plural = { Secret: 'secrets', ConfigMap: 'configmaps' } as const;
  const files = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: agents },
    stringData: { '.agent': '' },
  };
  for (const object of [files, ...manifests]) {
    const kind = text(object, 'kind');
    if (kind === 'Secret' || kind === 'ConfigMap') world.create(plural[kind], namespaceOf(object), object, strict);
  }
  const built = buildAgentJobManifest({
    policy: aPoolPolicy(),
    template,
    name,
    purpose: { kind: 'request', requestId: 1, attempt: 1 },
    creator: 'nonce',
    createdAt: 0,
    createBy: 120_000,
    namespace: agents,
  });
  world.create('jobs', agents, { ...built, spec: { ...record(built, 'spec'), suspend: false } }, strict);
  await clock.advance(10_000);
  return text(world.podsOf(agents, name)[0], 'status', 'phase');
}
