/** The shape of mayfly.yaml: what each entry may hold, by itself. What entries say of each other is in crossChecks.ts. */
import { z } from 'zod';
import {
  capabilityName,
  count,
  cpu,
  duration,
  grantedDemands,
  guid,
  hasOneSource,
  label,
  memory,
  nonEmpty,
  oneSource,
  organisationUrl,
  secretSource,
  url,
} from './fields.ts';
import { imagesSchema } from './images.ts';
import { limitsSchema, runsSchema } from './limits.ts';
import { podParts } from './podParts.ts';
import { allowedRepositoriesSchema, registriesSchema } from './registries.ts';
import { delegatedUserSchema, hookRotationSchema, tokensSchema } from './tokens.ts';
import { warmSchema } from './warm.ts';

const credential = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('managedIdentity'), clientId: guid.exactOptional() }),
  z.strictObject({ kind: z.literal('pat'), ...secretSource }).refine(hasOneSource, oneSource),
]);

const registration = z.strictObject({
  credential: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('managedIdentity'), clientId: guid }),
      z.strictObject({ kind: z.literal('pat'), ...secretSource }).refine(hasOneSource, oneSource),
    ])
    .describe('Of an identity that administers its pools and may do nothing else.'),
});

const parallelJobs = z.union([z.enum(['auto', 'unlimited']), z.int().positive()], {
  error: 'must be auto, unlimited or a whole number above 0',
});

const organisation = z.strictObject({
  name: label,
  url: organisationUrl.describe('https://dev.azure.com/<organisation>'),
  credential: credential.prefault({ kind: 'managedIdentity' }),
  registration: registration
    .exactOptional()
    .describe('What an init container registers its agent with, where a pool has registration initConfig or auto.'),
  parallelJobs: parallelJobs.default('auto').describe('auto asks the organisation.'),
  licenceGroup: label.exactOptional().describe('Organisations that share parallel jobs through one billing account.'),
});

const caCertificate = nonEmpty.describe('PEM, or base64 as in a kubeconfig.').exactOptional();

const access = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inCluster') }),
  z
    .strictObject({
      kind: z.literal('kubeconfig'),
      path: nonEmpty.exactOptional(),
      ...secretSource,
      context: nonEmpty.exactOptional(),
    })
    .refine(
      (value) =>
        [value.path, value.keyVaultSecret, value.environment].filter((each) => each !== undefined).length === 1,
      'must have exactly one of path, keyVaultSecret and environment',
    ),
  z.strictObject({ kind: z.literal('aks'), server: url, caCertificate, clientId: guid.exactOptional() }),
  z
    .strictObject({ kind: z.literal('token'), server: url, caCertificate, ...secretSource })
    .refine(hasOneSource, oneSource),
]);

const cluster = z.strictObject({ name: label, namespace: label.default('mayfly-agents'), access });

const capability = z
  .string()
  .max(1023)
  .regex(/^[^\r\n\0]*$/, 'must be one line');

const parameters = z
  .strictObject({
    cpu: z.array(cpu).default([]).describe('The demand mayfly.cpu.4 chooses the value 4.'),
    memory: z.array(memory).default([]).describe('The demand mayfly.memory.8Gi chooses the value 8Gi.'),
    image: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be made of A-Z, a-z, 0-9, ., _ and -, a letter or digit first'),
        nonEmpty,
      )
      .default({})
      .describe('Image references by name: the demand mayfly.image.node22 chooses the one named node22.'),
  })
  .prefault({})
  .describe('What a request may choose by demand; what is not listed cannot be had.');

const fallback = z.strictObject({
  template: label.describe('Offers at least what this template offers, and is listed in the same pools.'),
  after: duration('2m', '10s').describe('How long a pod may wait for a node.'),
});

const template = z.strictObject({
  name: label,
  image: z
    .union([nonEmpty, z.strictObject({ name: label })], {
      error: 'must be a reference, or name with one of the images',
    })
    .describe('With a digest: registry/name@sha256:... Or { name: ... }, one of the images that are rebuilt.'),
  allowTags: z.boolean().default(false).describe('Accepts an image without a digest.'),
  agentVersion: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 5.278.0')
    .exactOptional()
    .describe('Of the agent package inside the image. Default: what the label of the image says.'),
  os: z.enum(['linux', 'windows']).default('linux'),
  architecture: z.enum(['amd64', 'arm64']).default('amd64'),
  capabilities: z
    .record(capabilityName, capability)
    .default({})
    .describe('What the image has, by name. Names that begin with mayfly. are for parameters.'),
  grantedDemands: grantedDemands.describe('Demands to accept although nothing in the image answers them.'),
  cost: z.number().positive().default(1).describe('Relative; the cheapest template that satisfies a request is used.'),
  parameters,
  fallback: fallback.exactOptional().describe('Serves a request instead where no node takes the pod.'),
  maxAgents: count(1, 1000).default(100),
  cpu: cpu.prefault('1'),
  memory: memory.prefault('2Gi'),
  terminationGrace: duration('1h', '45s').describe('How long a drain waits for a running pipeline job.'),
  ...podParts,
  pod: z.record(z.string(), z.unknown()).default({}).describe('Merged over the generated pod spec.'),
});

const pool = z.strictObject({
  organisation: label,
  // The ids of Azure DevOps are 32-bit integers, which is what keeps all our names below 63 characters.
  id: count(1, 2_147_483_647).describe('The number in the address of the pool.'),
  name: nonEmpty,
  mode: z
    .enum(['active', 'shadow'])
    .default('active')
    .describe('shadow plans and explains but touches nothing, to run beside another scaler.'),
  registration: z
    .enum(['auto', 'jit', 'initConfig'])
    .default('auto')
    .describe(
      'Who registers agents: Mayfly (jit) or an init container. auto = jit once doctor has shown that it works.',
    ),
  templates: z.array(label).min(1).describe('In order of preference at equal cost.'),
  defaultTemplate: label
    .exactOptional()
    .describe('One of templates: serves requests that demand nothing in particular, whatever its cost.'),
  grantedDemands: grantedDemands.describe('Granted by every template of this pool, beside what each grants itself.'),
  clusters: z.array(label).min(1).exactOptional().describe('Default: all.'),
  maxAgents: count(1, 1000).default(20),
  foreignAgents: z.enum(['count', 'ignore']).default('count'),
  warm: z.array(warmSchema).default([]).describe('Idle agents to keep ahead of demand, by schedule.'),
  warmMaxAge: duration('12h', '5m').describe('An idle warm agent older than this is replaced.'),
  limits: limitsSchema,
  runs: runsSchema.describe('What the runs of requests are told, and asked.'),
});

const secretReference = z.strictObject(secretSource).refine(hasOneSource, oneSource);

export const configSchema = z.strictObject({
  generation: count(1, Number.MAX_SAFE_INTEGER).exactOptional(),
  installation: z
    .string()
    .regex(/^[a-z0-9]{4}$/, 'must be four of a-z and 0-9')
    .describe('Marks all that this Mayfly owns; never change it while agents exist.'),
  organisations: z.array(organisation).min(1),
  clusters: z.array(cluster).min(1),
  templates: z.array(template).min(1),
  pools: z.array(pool).min(1),
  hooks: z
    .strictObject({
      secret: z.strictObject({ current: secretReference, previous: secretReference.exactOptional() }),
      ...hookRotationSchema,
    })
    .exactOptional(),
  serviceBus: z
    .strictObject({
      queue: z
        .string()
        .regex(/^[\w./-]{1,260}$/, 'must be the name of a queue')
        .default('mayfly-intents'),
    })
    .prefault({}),
  keyVault: z.strictObject({ url }).exactOptional(),
  tokens: tokensSchema.describe('Personal access tokens that Mayfly keeps alive.'),
  delegatedUser: delegatedUserSchema
    .exactOptional()
    .describe('A service user that has signed in once, and as whom tokens are made.'),
  registries: registriesSchema,
  images: imagesSchema,
  allowedRepositories: allowedRepositoriesSchema
    .exactOptional()
    .describe('Images come from these alone. Default: the repositories that the templates name.'),
});

/** What a valid file holds, defaults filled in. */
export type ConfigDocument = z.output<typeof configSchema>;
