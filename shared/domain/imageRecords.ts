/** How the state of a rebuilt image is written on control maps, and read back. */
import type { ControlData } from './control.ts';
import { defined } from './defined.ts';
import { configuredDigest, type KnownImage } from './imagePolicy.ts';
import { isDigest } from './imageReference.ts';
import {
  type BuildRecord,
  buildStates,
  type Candidate,
  type ImageField,
  type ImageRequest,
  type ImageState,
  imageKey,
  type RolledBackImage,
  type Seen,
} from './imageState.ts';
import { formatLine, formatMoment, parseLine, parseMoment, type Words } from './imageWords.ts';
import type { EpochMs } from './instant.ts';

const isImage = (head: string): boolean => isDigest(head) || head === configuredDigest;

function knownImage({ head, words }: Words): KnownImage | undefined {
  const since = parseMoment(words.get('since'));
  if (!isImage(head) || since === undefined) return undefined;
  return {
    digest: head,
    since,
    ...defined({
      from: words.get('from'),
      version: words.get('version'),
      builtAt: parseMoment(words.get('built')),
      tried: parseMoment(words.get('tried')),
    }),
  };
}

function candidateOf(line: Words): Candidate | undefined {
  const image = knownImage(line);
  const proven = (line.words.get('proven') ?? '').split(',').filter((name) => name !== '');
  return image && { ...image, proven };
}

function rolledBackOf({ head, words }: Words): RolledBackImage | undefined {
  const since = parseMoment(words.get('since'));
  if (!isImage(head) || since === undefined) return undefined;
  return { digest: head, since, ...defined({ reason: words.get('reason'), tried: parseMoment(words.get('tried')) }) };
}

function buildOf({ head, words }: Words): BuildRecord | undefined {
  const state = buildStates.find((each) => each === words.get('state'));
  const since = parseMoment(words.get('since'));
  const turn = Number(words.get('try') ?? 1);
  if (state === undefined || since === undefined || !Number.isInteger(turn)) return undefined;
  const starts = Number(words.get('starts') ?? 1);
  const { id, reason, digest } = Object.fromEntries(words);
  const counted = Number.isInteger(starts) && starts > 1 ? { starts } : {};
  return { key: head, state, try: turn, since, ...counted, ...defined({ id, reason, digest }) };
}

function requestOf({ head, words, rest }: Words): ImageRequest | undefined {
  if (words.size > 0) return undefined;
  const [digest, ...more] = rest;
  if (head === 'try')
    return digest !== undefined && isDigest(digest) && more.length === 0 ? { kind: 'try', digest } : undefined;
  return (head === 'build' || head === 'rollback') && rest.length === 0 ? { kind: head } : undefined;
}

/** undefined = damaged. */
type Read<T> = (text: string) => T | undefined;

const oneLine =
  <T>(read: (line: Words) => T | undefined): Read<T> =>
  (text) => {
    const line = parseLine(text);
    return line && read(line);
  };

const lines =
  <T>(read: (line: Words) => T | undefined): Read<readonly T[]> =>
  (text) => {
    const all = text
      .split('\n')
      .filter((each) => each.trim() !== '')
      .map(oneLine(read));
    const good = all.filter((each) => each !== undefined);
    return good.length === all.length ? good : undefined;
  };

const readers: { readonly [F in ImageField]: Read<NonNullable<ImageState[F]>> } = {
  inForce: oneLine(knownImage),
  candidate: oneLine(candidateOf),
  good: lines(knownImage),
  rolledBack: lines(rolledBackOf),
  moved: oneLine(rolledBackOf),
  build: oneLine(buildOf),
  seen: (text) => seenOf(parseLine(`seen ${text}`)),
  excerpt: (text) => text,
  requested: oneLine(requestOf),
};

function seenOf(line: Words | undefined): Seen | undefined {
  return line && line.rest.length === 0
    ? defined({ week: line.words.get('week'), agent: line.words.get('agent'), base: line.words.get('base') })
    : undefined;
}

export interface ReadImageState {
  readonly state: ImageState;
  /** Values that nobody can read: they are told and kept as they are. */
  readonly damaged: ReadonlySet<ImageField>;
}

/** Total: a damaged value is as if it were not there, except that it is never written over. */
export function readImageState(data: ControlData, image6: string): ReadImageState {
  const damaged = new Set<ImageField>();
  const read = <F extends ImageField>(field: F): NonNullable<ImageState[F]> | undefined => {
    const text = data[imageKey(image6, field)];
    if (text === undefined || text.trim() === '') return undefined;
    const value = readers[field](text);
    if (value === undefined) damaged.add(field);
    return value;
  };
  const single = defined({
    inForce: read('inForce'),
    candidate: read('candidate'),
    moved: read('moved'),
    build: read('build'),
    seen: read('seen'),
    excerpt: read('excerpt'),
    requested: read('requested'),
  });
  return { state: { ...single, good: read('good') ?? [], rolledBack: read('rolledBack') ?? [] }, damaged };
}

const moment = (at: EpochMs | undefined): string | undefined => (at === undefined ? undefined : formatMoment(at));

const known = (
  { digest, from, version, since, builtAt, tried }: KnownImage,
  more: Readonly<Record<string, string | undefined>> = {},
) =>
  formatLine(digest, {
    from,
    version,
    since: formatMoment(since),
    built: moment(builtAt),
    tried: moment(tried),
    ...more,
  });

const gone = ({ digest, since, reason, tried }: RolledBackImage): string =>
  formatLine(digest, { since: formatMoment(since), reason, tried: moment(tried) });

const list = (all: readonly string[]): string | undefined => (all.length === 0 ? undefined : all.join('\n'));

function formatRequest(request: ImageRequest): string {
  return request.kind === 'try' ? `try ${request.digest}` : request.kind;
}

function formatBuild({ key, state, try: turn, since, starts, id, reason, digest }: BuildRecord): string {
  const counted = starts === undefined ? undefined : String(starts);
  return formatLine(key, { state, try: String(turn), since: formatMoment(since), starts: counted, id, reason, digest });
}

const writers: { readonly [F in ImageField]: (state: ImageState) => string | undefined } = {
  inForce: ({ inForce }) => inForce && known(inForce),
  candidate: ({ candidate }) => candidate && known(candidate, { proven: candidate.proven.join(',') || undefined }),
  good: ({ good }) => list(good.map((each) => known(each))),
  rolledBack: ({ rolledBack }) => list(rolledBack.map(gone)),
  moved: ({ moved }) => moved && gone(moved),
  build: ({ build }) => build && formatBuild(build),
  seen: ({ seen }) =>
    (seen && formatLine(undefined, { week: seen.week, agent: seen.agent, base: seen.base })) || undefined,
  excerpt: ({ excerpt }) => excerpt,
  requested: ({ requested }) => requested && formatRequest(requested),
};

/** How a field is written; undefined = not at all. */
export const formatField = (state: ImageState, field: ImageField): string | undefined => writers[field](state);

/** The short names of all images of which a map tells, with what is wrong there as sentences. */
export function readImages(data: ControlData): {
  readonly images: ReadonlyMap<string, ImageState>;
  readonly problems: readonly string[];
} {
  const shorts = Object.keys(data).flatMap((key) => /^mayfly\.image\.([0-9a-z]{6})\./.exec(key)?.[1] ?? []);
  const problems: string[] = [];
  const images = [...new Set(shorts)].map((image6): [string, ImageState] => {
    const { state, damaged } = readImageState(data, image6);
    problems.push(...[...damaged].map((field) => `${imageKey(image6, field)} cannot be read and is left as it is`));
    return [image6, state];
  });
  return { images: new Map(images), problems };
}
