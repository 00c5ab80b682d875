/** Who builds an image: a pipeline, a container registry, or a cluster. */
import { z } from 'zod';
import { buildEngines } from '../domain/clusterBuild.ts';
import { defined } from '../domain/defined.ts';
import type { JsonObject } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { count, guid, label, nonEmpty } from './fields.ts';
import type { ImageBuilderConfig } from './policy.ts';

const runsOn = z.union(
  [z.literal('hosted'), z.strictObject({ pool: count(1, 2_147_483_647).describe('In the same organisation.') })],
  { error: 'must be hosted, or pool with a number' },
);

const pipeline = z.strictObject({
  kind: z.literal('pipeline'),
  organisation: label,
  project: nonEmpty.describe('Name or id.'),
  pipeline: count(1, 2_147_483_647).describe('The definitionId in its address; of this image alone.'),
  branch: z
    .string()
    .regex(/^refs\/(heads|tags)\/\S+$/, 'must be a full name such as refs/heads/main')
    .exactOptional()
    .describe('Default: that of the pipeline.'),
  runsOn: runsOn.describe('Where its jobs run: not on agents of the image that it builds.'),
});

const azureName = z.string().regex(/^[\w.()-]{1,90}$/, 'must be the name of a resource group');
/** A space, a quote or a backslash in one of these is a slip, and would go through a shell. */
const path = z.string().regex(/^(?!\/)(?!.*\.\.)[\w./-]+$/, 'must be a path below the context, without ..');

const acrTask = z
  .strictObject({
    kind: z.literal('acrTask'),
    subscription: guid,
    resourceGroup: azureName,
    clientId: guid.exactOptional().describe('Of the identity that runs the task. Default: the one of Mayfly.'),
    task: z
      .string()
      .regex(/^[\w-]{5,50}$/, 'must be the name of a task')
      .exactOptional()
      .describe('A task of the registry. Without it a Dockerfile is built.'),
    context: nonEmpty.exactOptional().describe('A git URL with #branch:folder, or that of a tarball.'),
    dockerfile: path.default('Dockerfile'),
  })
  .refine(
    ({ task, context }) => (task === undefined) !== (context === undefined),
    'must have exactly one of task and context',
  );

const https = z
  .string()
  .regex(/^https:\/\/[^\s@]+$/, 'must be an https URL without a user')
  .refine((text) => URL.canParse(text), 'must be an https URL');

const context = z
  .strictObject({
    git: https.exactOptional(),
    ref: z
      .string()
      .regex(/^[\w][\w./-]*$/, 'must be a branch, a tag or a commit')
      .default('main'),
    archive: https.exactOptional().describe('A .tar.gz.'),
  })
  .refine(
    ({ git, archive }) => (git === undefined) !== (archive === undefined),
    'must have exactly one of git and archive',
  );

const byDigest = z
  .string()
  .regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, 'must carry a digest (@sha256:...)')
  .describe('By digest.');

const cluster = z
  .strictObject({
    kind: z.literal('cluster'),
    cluster: label,
    namespace: label.default('mayfly-image-builds'),
    serviceAccount: label.default('image-builder'),
    engine: z.enum(buildEngines).default('buildah'),
    engineImage: byDigest,
    toolsImage: byDigest.describe('Has sh, curl, git, tar and base64; fetches the context and logs in.'),
    context,
    folder: path.exactOptional(),
    dockerfile: path.default('Dockerfile'),
    cache: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.:-]*\/[a-z0-9._/-]+$/, 'must be registry/repository')
      .exactOptional()
      .describe('Where layers are kept.'),
    identity: z.strictObject({ tenantId: guid, clientId: guid }).exactOptional(),
    dockerConfig: label.exactOptional().describe('A ConfigMap with a config.json of credential helpers.'),
    resources: z.record(z.string(), z.unknown()).exactOptional(),
    nodeSelector: z.record(z.string(), z.string()).exactOptional(),
  })
  .refine(
    ({ identity, dockerConfig }) => identity !== undefined || dockerConfig !== undefined,
    'must have an identity or a dockerConfig, or nobody may push',
  );

export const builderSchema = z.discriminatedUnion('kind', [pipeline, acrTask, cluster]);

type BuilderDocument = z.output<typeof builderSchema>;

export function builderOf(document: BuilderDocument, timeoutMs: number, reference: string): ImageBuilderConfig {
  switch (document.kind) {
    case 'pipeline':
      return document;
    case 'acrTask':
      return acrTaskOf(document, timeoutMs, reference);
    case 'cluster':
      return clusterOf(document, timeoutMs, reference);
  }
}

/** `contoso.azurecr.io/agents/linux:stable` is `agents/linux:stable` in the registry `contoso`. */
function acrTaskOf(
  document: Extract<BuilderDocument, { kind: 'acrTask' }>,
  timeoutMs: number,
  reference: string,
): ImageBuilderConfig {
  const { subscription, resourceGroup, clientId, task, context: source, dockerfile } = document;
  const slash = reference.indexOf('/');
  return {
    kind: 'acrTask',
    subscriptionId: subscription,
    resourceGroup,
    registry: reference.slice(0, slash).split('.')[0] ?? '',
    timeoutSeconds: Math.ceil(timeoutMs / 1000),
    request:
      task === undefined
        ? { kind: 'dockerfile', context: source ?? '', dockerfile, imageNames: [reference.slice(slash + 1)] }
        : { kind: 'task', task },
    ...defined({ clientId }),
  };
}

function clusterOf(
  document: Extract<BuilderDocument, { kind: 'cluster' }>,
  timeoutMs: number,
  reference: string,
): ImageBuilderConfig {
  const { kind, cluster: name, engineImage, context: source, resources, ...rest } = document;
  const { git, ref, archive } = source;
  const { folder, cache, identity, dockerConfig, nodeSelector, ...always } = rest;
  return {
    kind,
    cluster: name,
    build: {
      ...always,
      image: engineImage,
      context: git === undefined ? { kind: 'archive', url: archive ?? '' } : { kind: 'git', url: git, ref },
      target: reference,
      deadlineSeconds: Math.ceil(timeoutMs / 1000),
      ...defined({ folder, cache, identity, dockerConfig, nodeSelector, resources: objectOf(resources) }),
    },
  };
}

const objectOf = (value: unknown): JsonObject | undefined => (isJsonObject(value) ? value : undefined);
