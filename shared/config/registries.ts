/** Where images come from: who Mayfly is to the registries, and which repositories are trusted. */
import { z } from 'zod';
import {
  formatImageReference,
  type ImageReference,
  isAllowedRepository,
  parseImageReference,
} from '../domain/imageReference.ts';
import type { Template } from '../domain/template.ts';
import { guid, hasOneSource, nonEmpty, oneSource, type SecretSource, secretSource } from './fields.ts';
import type { RegistryConfig, SecretReference } from './policy.ts';

/** A host is one where an image could be in it. */
const isRegistry = (text: string): boolean => parseImageReference(`${text}/any`)?.registry === text;

const credential = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('anonymous') }),
  z
    .strictObject({
      kind: z.literal('basic'),
      username: nonEmpty.regex(/^[^:\s]+$/, 'must not hold a colon or spaces'),
      ...secretSource,
    })
    .refine(hasOneSource, oneSource),
  z.strictObject({ kind: z.literal('acr'), clientId: guid.exactOptional() }),
]);

export const registriesSchema = z
  .array(
    z.strictObject({
      host: z
        .string()
        .refine(isRegistry, 'must be a host in lower case as images name it, such as contoso.azurecr.io or docker.io')
        .describe('With its port, if it is not the usual one.'),
      credential: credential.prefault({ kind: 'anonymous' }).describe('What Mayfly reads images with.'),
    }),
  )
  .default([])
  .describe('Registries whose images Mayfly looks at.');

export const allowedRepositoriesSchema = z
  .array(
    z
      .string()
      .refine(
        isAllowedRepository,
        'must be registry/repository, registry/* or registry/path/*, without tag and digest',
      ),
  )
  .min(1);

type RegistryDocument = z.output<typeof registriesSchema>[number];

export function registryOf(
  { host, credential: document }: RegistryDocument,
  secretOf: (source: SecretSource) => SecretReference,
): RegistryConfig {
  if (document.kind !== 'basic') return { host, credential: document };
  return { host, credential: { kind: 'basic', username: document.username, secret: secretOf(document) } };
}

const repositoryOf = ({ registry, repository }: ImageReference): string =>
  formatImageReference({ registry, repository });

/** All that agents of a template may run. */
export const imagesOfTemplate = ({ image, inject, parameters }: Template): readonly string[] => [
  image,
  ...(inject === undefined ? [] : [inject.image]),
  ...Object.values(parameters.image),
];

/** Without a list, what the templates name is trusted, and nothing beside it. */
export function repositoriesOf(templates: readonly Template[]): readonly string[] {
  const references = templates.flatMap(imagesOfTemplate).flatMap((image) => parseImageReference(image) ?? []);
  return [...new Set(references.map(repositoryOf))].toSorted();
}
