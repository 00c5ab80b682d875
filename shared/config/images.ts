/** What mayfly.yaml says of images that Mayfly rebuilds. */
import { z } from 'zod';
import { defined } from '../domain/defined.ts';
import type { ImagePolicy } from '../domain/imagePolicy.ts';
import { parseImageReference } from '../domain/imageReference.ts';
import { count, durationWithin, label, nonEmpty } from './fields.ts';
import { builderOf, builderSchema } from './imageBuilders.ts';
import type { ImageConfig } from './policy.ts';
import { span } from './tokens.ts';
import { weekdayNames, weekdayNumbers, zone } from './warm.ts';

const repository = z.string().refine((text) => {
  const image = parseImageReference(`${text}:tag`);
  return image !== undefined && text.startsWith(`${image.registry}/`);
}, 'must be registry/repository, without tag and digest');

const schedule = z.union(
  [
    z.literal('never'),
    z.strictObject({
      weekday: z.enum(weekdayNames).default('sun'),
      hour: count(0, 23).default(3),
      zone: zone.describe('Whose wall clocks the hour is of, as an IANA name.'),
    }),
  ],
  { error: 'must be never, or weekday, hour and zone' },
);

const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of letters, digits and _')
  .refine((name) => name !== 'mayflyKey', 'must not be mayflyKey, which Mayfly sets itself');

const image = z.strictObject({
  name: label.describe('Templates name it: image: { name: ... }'),
  repository,
  tag: z
    .string()
    .regex(/^\w[\w.-]{0,127}$/, 'must be a tag')
    .default('stable')
    .describe('What builds push.'),
  schedule: schedule.prefault({}).describe('Once a week.'),
  builder: builderSchema,
  baseImage: nonEmpty.exactOptional().describe('What it is built on: built anew when that changes.'),
  agentPackage: z
    .enum(['linux-x64', 'linux-arm64', 'win-x64'])
    .exactOptional()
    .describe('Built anew when there is a newer agent for this platform.'),
  parameters: z.record(parameterName, z.string()).default({}).describe('Passed to every build.'),
  candidate: z
    .strictObject({ prove: count(1, 100).default(1).describe('Agents that have to finish a job.') })
    .prefault({})
    .describe('A new image is tried before all agents get it.'),
  keep: count(1, 20).default(5).describe('Earlier images to go back to.'),
  maxAge: span('1d', '365d').prefault('14d').describe('Older than this it raises an alarm.'),
  buildTimeout: durationWithin('5m', '24h').prefault('2h').describe('A build that takes longer is cancelled.'),
  followTag: z.boolean().default(false).describe('What somebody else pushes under the tag becomes a candidate.'),
  prePull: z.boolean().default(false).describe('A DaemonSet pulls the image in force onto the nodes of agents.'),
});

export const imagesSchema = z.array(image).default([]).describe('Images of agents that Mayfly rebuilds.');

type ImageDocument = z.output<typeof image>;

/** `registry/repository:tag` of an image that is rebuilt. */
export const referenceOf = ({ repository: name, tag }: Pick<ImageDocument, 'repository' | 'tag'>): string =>
  `${name}:${tag}`;

function policyOf(document: ImageDocument, allowedRepositories: readonly string[]): ImagePolicy {
  const { name, schedule: when, baseImage, agentPackage, parameters, candidate, keep, maxAge, followTag } = document;
  return {
    name,
    reference: referenceOf(document),
    allowedRepositories,
    ...(when !== 'never' && { schedule: { ...when, weekday: weekdayNumbers[when.weekday] } }),
    ...defined({ baseImage, agentPackage }),
    parameters,
    provenAgents: candidate.prove,
    keptImages: keep,
    maxAgeMs: maxAge,
    buildTimeoutMs: document.buildTimeout,
    followTag,
  };
}

export function imageOf(document: ImageDocument, allowedRepositories: readonly string[]): ImageConfig {
  return {
    policy: policyOf(document, allowedRepositories),
    builder: builderOf(document.builder, document.buildTimeout, referenceOf(document)),
    prePull: document.prePull,
  };
}
