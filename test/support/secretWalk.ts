/**
 * Looks for secrets in whatever was held or printed, in every form that they take on the way: as they are, escaped in
 * JSON or an address, as base64 (also as a part of something longer) or as hexadecimal digits.
 */

/** Kinds of places, told apart because a secret may rightly stand in some. */
export const placeKinds = [
  'pod',
  'job',
  'secret',
  'event',
  'configMap',
  'otherObject',
  'initFile',
  'mainFile',
  'log',
  'intent',
  'agent',
  'request',
  'runTag',
  'podLog',
  'answer',
  'vault',
  'call',
] as const;
export type PlaceKind = (typeof placeKinds)[number];

export interface Place {
  readonly kind: PlaceKind;
  /** For people: which object, file or line, and where in it. */
  readonly where: string;
  readonly text: string;
  /** The agent job that it belongs to, by its one name. */
  readonly agentJob?: string | undefined;
}

export interface KnownSecret {
  readonly name: string;
  readonly bytes: Buffer;
  /** Where it belongs; absent = nowhere. */
  readonly mayStandIn?: (place: Place) => boolean;
}

export const aSecret = (name: string, text: string, mayStandIn?: (place: Place) => boolean): KnownSecret => ({
  name,
  bytes: Buffer.from(text),
  ...(mayStandIn !== undefined && { mayStandIn }),
});

/**
 * What base64 makes of the bytes wherever they begin in something longer: of the three phases each without the
 * characters that depend on what stands before and after.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((phase) => {
    const encoded = Buffer.concat([Buffer.alloc(phase), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const before = Math.ceil((phase * 8) / 6);
    const after = ((phase + bytes.length) * 8) % 6 === 0 ? 0 : 1;
    return encoded.slice(before, encoded.length - after);
  });
}

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

function textForms(text: string): readonly string[] {
  return [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)];
}

/** All forms, shortest last; forms of forms too: an object in an annotation holds base64 inside of JSON. */
function formsOf(bytes: Buffer): readonly string[] {
  const once = base64Forms(bytes);
  const twice = once.flatMap((form) => base64Forms(Buffer.from(form)));
  const urlSafe = once.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  const escaped = once.map((form) => encodeURIComponent(form));
  const plain = isText(bytes) ? textForms(bytes.toString('utf8')) : [];
  return [...new Set([...plain, ...once, ...urlSafe, ...escaped, ...twice, bytes.toString('hex')])];
}

/** Each secret that stands where it does not belong, as a sentence. Never quotes it. */
export function findSecrets(places: Iterable<Place>, secrets: readonly KnownSecret[]): readonly string[] {
  const sought = secrets.map((secret) => ({ ...secret, forms: formsOf(secret.bytes) }));
  const found = new Set<string>();
  for (const place of places) {
    for (const { name, forms, mayStandIn } of sought) {
      if (mayStandIn?.(place) === true) continue;
      if (forms.some((form) => place.text.includes(form))) found.add(`${name} in ${place.kind} ${place.where}`);
    }
  }
  return [...found];
}

/** Every string of a value, keys too, with the path to it. */
export function leavesOf(value: unknown, path = ''): readonly (readonly [path: string, text: string])[] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = path === '' ? key : `${path}.${key}`;
    return [[`${here} (key)`, key] as const, ...leavesOf(inner, here)];
  });
}
