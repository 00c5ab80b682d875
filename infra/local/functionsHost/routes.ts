/** Route templates of HTTP triggers: `{name}`, `{name?}`, `{*rest}` and the type constraints that the host knows. */

export interface Route {
  readonly pattern: RegExp;
  readonly names: readonly string[];
  /** Literal segments first: the more of a path is fixed, the earlier it is tried. */
  readonly rank: number;
}

const constraints: Readonly<Record<string, string>> = {
  int: String.raw`-?\d+`,
  long: String.raw`-?\d+`,
  guid: '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  bool: '(?:true|false)',
  alpha: '[A-Za-z]+',
};

/** Throws on a constraint that is not modelled. */
export function routeOf(template: string): Route {
  const names: string[] = [];
  const segments = template.split('/').filter((segment) => segment !== '');
  const source = segments.map((segment) => segmentSource(segment, names)).join('');
  return {
    pattern: new RegExp(`^${source}/?$`, 'i'),
    names,
    rank: segments.filter((segment) => !segment.includes('{')).length,
  };
}

function segmentSource(segment: string, names: string[]): string {
  const parameter = /^\{(\*?)(\w+)(?::(\w+))?(\?)?\}$/.exec(segment);
  if (parameter === null) {
    if (/[{}]/.test(segment)) throw new Error(`The route segment ${segment} is not modelled by this stand-in.`);
    return `/${segment.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)}`;
  }
  const [, star, name = '', constraint, optional] = parameter;
  names.push(name);
  const value = constraint === undefined ? '[^/]+' : constraints[constraint];
  if (value === undefined) throw new Error(`The route constraint ${constraint} is not modelled by this stand-in.`);
  if (star === '*') return '(?:/(.*))?';
  return optional === '?' ? `(?:/(${value}))?` : `/(${value})`;
}

/** The route's parameters; undefined = the path is another one. */
export function matchRoute(route: Route, path: string): Readonly<Record<string, string>> | undefined {
  const match = route.pattern.exec(path);
  if (match === null) return undefined;
  const pairs = route.names.map((name, index) => [name, match[index + 1]] as const);
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, decodeURIComponent(value)]])),
  );
}
