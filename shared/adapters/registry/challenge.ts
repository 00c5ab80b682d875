/**
 * What a registry asks for with a 401. Source: RFC 9110, 11.6.1 (a list of challenges, parameters as tokens or quoted
 * strings); distribution, "Token Authentication Specification".
 */

export type Challenge =
  | { readonly kind: 'bearer'; readonly realm: string; readonly service?: string; readonly scope?: string }
  | { readonly kind: 'basic' };

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"((?:[^"\\\\]|\\\\.)*)"';
/** `name=value` or `name="value"`, else the name of a scheme. */
const part = new RegExp(`\\s*,?\\s*(?:(${token})\\s*=\\s*(?:${quoted}|(${token}))|(${token}))`, 'y');

interface Scheme {
  readonly name: string;
  readonly parameters: Map<string, string>;
}

/** All challenges of a header; it ends where it can no longer be read. */
function schemesIn(header: string): readonly Scheme[] {
  const schemes: Scheme[] = [];
  part.lastIndex = 0;
  for (let found = part.exec(header); found !== null; found = part.exec(header)) {
    const [, name, text, plain, scheme] = found;
    if (scheme !== undefined) schemes.push({ name: scheme.toLowerCase(), parameters: new Map() });
    else schemes.at(-1)?.parameters.set(name?.toLowerCase() ?? '', text?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return schemes;
}

/** Bearer where it is offered, else Basic; undefined = nothing that we can answer. */
export function challengeIn(header: string | null): Challenge | undefined {
  const schemes = schemesIn(header ?? '');
  const bearer = schemes.find(({ name, parameters }) => name === 'bearer' && parameters.has('realm'));
  if (bearer === undefined) return schemes.some(({ name }) => name === 'basic') ? { kind: 'basic' } : undefined;
  const { parameters } = bearer;
  const [realm = '', service, scope] = ['realm', 'service', 'scope'].map((name) => parameters.get(name));
  return {
    kind: 'bearer',
    realm,
    ...(service !== undefined && { service }),
    ...(scope !== undefined && { scope }),
  };
}
