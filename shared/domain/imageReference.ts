/**
 * Names of container images: `registry/repository[:tag][@digest]`, with what container runtimes fill in where a part is
 * left out. Source: grammar and limits of github.com/distribution/reference (v0.6, 2024); docker.io as the default
 * registry, `library/` and `latest`: its "familiar names".
 */

export interface ImageReference {
  /** Host and port, in one case (see registryOf): `docker.io` where none was given. */
  readonly registry: string;
  /** The path in it, for example `library/node`. */
  readonly repository: string;
  /** `latest` where neither tag nor digest was given. With a digest it is for people only: the digest decides. */
  readonly tag?: string;
  /** `sha256:...` */
  readonly digest?: string;
}

const hostLabel = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const host = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9a-f:]+\\])(?::(\\d{1,5}))?$`);
const pathPart = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathRule = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagRule = /^\w[\w.-]{0,127}$/;
const digestRule = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const maxRepositoryLength = 255;
const maxPort = 65_535;

const defaultRegistry = 'docker.io';
/** An older name of the same registry. */
const olderDefaultRegistry = 'index.docker.io';

/** True for a digest that a registry can be asked for and a body checked against. */
export const isDigest = (text: string): boolean => digestRule.test(text);

/**
 * Without a dot, a colon or `localhost`, what stands before the first slash is part of the path, unless it has capitals,
 * which no path may have.
 */
const isHost = (text: string): boolean => /[.:[A-Z]/.test(text) || text === 'localhost';

/** In lower case, so that one registry has one name; in capitals where only these tell that it is a host. */
function registryOf(text: string): string | undefined {
  const name = text.toLowerCase();
  const [whole, port] = host.exec(name) ?? [];
  if (whole === undefined || Number(port ?? '0') > maxPort) return undefined;
  if (!isHost(name)) return text.toUpperCase();
  return name === olderDefaultRegistry ? defaultRegistry : name;
}

/** A host that is given, and the path below it as it is written. */
function hostAndPath(name: string): { readonly registry: string | undefined; readonly path: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  return isHost(first)
    ? { registry: registryOf(first), path: name.slice(slash + 1) }
    : { registry: defaultRegistry, path: name };
}

type Place = Pick<ImageReference, 'registry' | 'repository'>;

function placeOf(name: string): Place | undefined {
  const { registry, path } = hostAndPath(name);
  const repository = registry === defaultRegistry && !path.includes('/') ? `library/${path}` : path;
  if (registry === undefined || !pathRule.test(repository)) return undefined;
  return repository.length > maxRepositoryLength ? undefined : { registry, repository };
}

/** Name, tag and digest as they are written. A colon before the last slash is that of a port. */
function split(text: string) {
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const front = at === -1 ? text : text.slice(0, at);
  const colon = front.indexOf(':', front.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : front.slice(colon + 1);
  return { name: colon === -1 ? front : front.slice(0, colon), tag, digest };
}

/** undefined = no image can have this name. */
export function parseImageReference(text: string): ImageReference | undefined {
  const { name, tag, digest } = split(text);
  const place = placeOf(name);
  if (place === undefined) return undefined;
  if (tag !== undefined && !tagRule.test(tag)) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  if (tag === undefined && digest === undefined) return { ...place, tag: 'latest' };
  return { ...place, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** In full, so that one image has one name. */
export function formatImageReference({ registry, repository, tag, digest }: ImageReference): string {
  const withTag = tag === undefined ? '' : `:${tag}`;
  return `${registry}/${repository}${withTag}${digest === undefined ? '' : `@${digest}`}`;
}

/** The same image by its digest alone. */
export const atDigest = ({ registry, repository }: ImageReference, digest: string): ImageReference => ({
  registry,
  repository,
  digest,
});

const wildcard = '/*';

/** `registry/*` and `registry/path/*`: all that lies below, however deep. */
type Allowed = { readonly kind: 'one'; readonly place: Place } | { readonly kind: 'below'; readonly of: string };

function allowedOf(text: string): Allowed | undefined {
  const { tag, digest } = split(text);
  // What is allowed is where images come from: a tag or digest has no place here.
  if (tag !== undefined || digest !== undefined) return undefined;
  if (!text.endsWith(wildcard)) {
    const place = placeOf(text);
    return place === undefined ? undefined : { kind: 'one', place };
  }
  const name = text.slice(0, -wildcard.length);
  if (!name.includes('/') && isHost(name)) return below(registryOf(name));
  // A path of one part is an owner on Docker Hub, not an official image.
  const { registry, path } = hostAndPath(name);
  return pathRule.test(path) && registry !== undefined ? below(`${registry}/${path}`) : undefined;
}

const below = (of: string | undefined): Allowed | undefined => (of === undefined ? undefined : { kind: 'below', of });

/** True for `registry/repository`, `registry/*` and `registry/path/*`. */
export const isAllowedRepository = (text: string): boolean => allowedOf(text) !== undefined;

/** Whether an image may run here. A reference that cannot be parsed may not; the registry is compared without case. */
export function isAllowed(reference: string, allowedRepositories: readonly string[]): boolean {
  const image = parseImageReference(reference);
  if (image === undefined) return false;
  const { registry, repository } = image;
  return allowedRepositories.map(allowedOf).some((allowed) => {
    if (allowed?.kind === 'below') return `${registry}/${repository}`.startsWith(`${allowed.of}/`);
    return allowed?.place.registry === registry && allowed.place.repository === repository;
  });
}
