/**
 * What the images of templates hold, asked of their registries: the version of the agent that is to be registered, and
 * the digest of what is named by a tag. Content never changes under its digest, so what was read once holds for the life
 * of the process; without an answer the last one holds, then what the configuration says, then nothing: no agent is
 * registered as something that it may not be.
 */
import { UpstreamError } from '../../domain/errors.ts';
import { atDigest, formatImageReference, parseImageReference } from '../../domain/imageReference.ts';
import { type EpochMs, minutesMs, secondsMs } from '../../domain/instant.ts';
import type { PoolPolicy, Template } from '../../domain/template.ts';
import type { ImageRegistry, ResolvedImage } from '../../ports/images.ts';
import type { Clock } from '../../ports.ts';
import { bounded } from '../bounded.ts';
import { within } from '../within.ts';

export interface ImageLookup {
  readonly registry: ImageRegistry;
  /** Registries that are asked even for templates that say their version themselves. */
  readonly hosts: ReadonlySet<string>;
  readonly clock: Clock;
}

interface Remembered {
  readonly image?: ResolvedImage;
  /** Of the last attempt; absent = it succeeded. */
  readonly failure?: string;
  /** When it is to be asked again. */
  readonly againAt: EpochMs;
}

/** Of one process, by reference: templates of several pools share images. */
export interface ImageMemory {
  readonly known: Map<string, Remembered>;
  readonly asking: Map<string, Promise<Remembered>>;
}

export const freshImageMemory = (): ImageMemory => ({ known: new Map(), asking: new Map() });

/**
 * Tags are looked at again at whole minutes: control planes that did so each at a time of its own would replace each
 * other's idle agents until both knew.
 */
const tagMs = minutesMs(1);
/** A registry that fails is left alone for so long, or as long as it asks to be. */
const afterFailureMs = secondsMs(30);
const longestPauseMs = minutesMs(10);
/** A pass waits no longer; what comes later is there for the next one. */
const patienceMs = secondsMs(5);
const width = 4;

const notFound = 'the registry has no such image';

/** undefined = never: content does not change. */
function nextLookAt(reference: string, now: EpochMs): EpochMs {
  const isTag = parseImageReference(reference)?.digest === undefined;
  return isTag ? (Math.floor(now / tagMs) + 1) * tagMs : Number.POSITIVE_INFINITY;
}

function pauseAfter(error: unknown): number {
  const asked = error instanceof UpstreamError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(longestPauseMs, Math.max(afterFailureMs, asked));
}

async function ask(reference: string, { registry, clock }: ImageLookup, last: ResolvedImage | undefined) {
  const kept = last === undefined ? {} : { image: last };
  try {
    const image = await registry.resolve(reference);
    const now = clock.now();
    if (image === undefined) return { ...kept, failure: notFound, againAt: now + afterFailureMs };
    return { image, againAt: nextLookAt(reference, now) };
  } catch (error) {
    const failure = error instanceof UpstreamError ? error.message : 'the registry could not be asked';
    return { ...kept, failure, againAt: clock.now() + pauseAfter(error) };
  }
}

/** What is known of an image now, after asking for it if it is time. */
async function look(reference: string, lookup: ImageLookup, { known, asking }: ImageMemory): Promise<Remembered> {
  const { clock } = lookup;
  const last = known.get(reference);
  const noted = async (answer: Promise<Remembered>): Promise<Remembered> => {
    known.set(reference, await answer);
    asking.delete(reference);
    return answer;
  };
  if (last !== undefined && clock.now() < last.againAt) return last;
  const begun = asking.get(reference) ?? noted(ask(reference, lookup, last?.image));
  asking.set(reference, begun);
  const operation = 'reading an image';
  return within(clock, patienceMs, { upstream: 'registry', operation }, begun).catch((error: unknown) => ({
    ...last,
    failure: error instanceof Error ? error.message : operation,
    againAt: 0,
  }));
}

/** The images of a template that bring an agent: one into all its pods, or each its own. */
const agentImages = ({ image, inject, parameters }: Template): readonly string[] =>
  inject === undefined ? [image, ...Object.values(parameters.image)] : [inject.image];

const allImages = (template: Template): readonly string[] => [
  ...agentImages(template),
  template.image,
  ...Object.values(template.parameters.image),
];

/** What is to be known of a template: versions, where nobody has said them, and what its tags stand for. */
function asked(template: Template, { hosts }: ImageLookup): readonly string[] {
  const carriers = new Set(agentImages(template));
  // A tag that Mayfly's own builds push moves with each of them.
  const always = template.agentVersion === undefined || template.rebuilt !== undefined;
  return allImages(template).filter((reference) => {
    const image = parseImageReference(reference);
    if (image === undefined) return false;
    return (always || hosts.has(image.registry)) && (carriers.has(reference) || image.digest === undefined);
  });
}

type Answers = ReadonlyMap<string, Remembered>;

/** By digest. Where a tag could not be read even once, it stays what it is. */
function pinned(reference: string, answers: Answers): string {
  const image = parseImageReference(reference);
  const digest = answers.get(reference)?.image?.digest;
  if (image === undefined || digest === undefined || image.digest !== undefined) return reference;
  return formatImageReference(atDigest(image, digest));
}

function resolved(template: Template, answers: Answers): Template {
  const { image, inject, parameters } = template;
  const versionOf = (reference: string): string | undefined =>
    answers.get(reference)?.image?.agentVersion ?? template.agentVersion;
  const carrier = inject?.image ?? image;
  const choices = Object.entries(parameters.image);
  const imageVersions = choices.flatMap(([, reference]): readonly [string, string][] => {
    const version = versionOf(reference);
    return version === undefined ? [] : [[pinned(reference, answers), version]];
  });
  const unread = answers.get(carrier)?.failure;
  return {
    ...template,
    image: pinned(image, answers),
    agentVersion: versionOf(carrier),
    ...(unread !== undefined && { unread }),
    ...(inject !== undefined && { inject: { ...inject, image: pinned(inject.image, answers) } }),
    ...(choices.length > 0 && { imageVersions: Object.fromEntries(imageVersions) }),
    parameters: {
      ...parameters,
      image: Object.fromEntries(choices.map(([name, reference]) => [name, pinned(reference, answers)])),
    },
  };
}

/**
 * The policy with digests in place of tags and with the version of each image, as far as they are known. Rejects never:
 * a template of which nothing is known has no `agentVersion`, and says why in `unread`. Given back as it is where nobody
 * has to be asked.
 */
export async function resolveTemplates(
  policy: PoolPolicy,
  lookup: ImageLookup,
  memory: ImageMemory,
): Promise<PoolPolicy> {
  const references = [...new Set(policy.templates.flatMap((template) => asked(template, lookup)))];
  if (references.length === 0) return policy;
  const answers = new Map(
    await bounded(
      references,
      width,
      async (reference): Promise<readonly [string, Remembered]> => [reference, await look(reference, lookup, memory)],
    ),
  );
  return { ...policy, templates: policy.templates.map((template) => resolved(template, answers)) };
}
