/** Documents name commands, files and each other. Whatever they name has to be there. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parts } from '../../../infra/local/start/ports.ts';
import { alarmReasons, retireReasons, skipReasons } from '../../../shared/domain/reasons.ts';
import { readSource, trackedFiles } from '../../support/sources.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const guides = ['README.md', 'CONTRIBUTING.md', '.github/PULL_REQUEST_TEMPLATE.md', 'docs/stand-ins/README.md'];
const documents = [...new Set([...trackedFiles().filter((path) => path.endsWith('.md')), ...guides])];

interface PackageJson {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const packageJson = JSON.parse(readSource('package.json').text) as PackageJson;

const withoutFences = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '');

/** The names of scripts in `npm start`, `npm test` and `npm run x`, wherever they stand. */
function scriptsIn(text: string): readonly string[] {
  return [...text.matchAll(/\bnpm (?:run ([a-z][\w:-]*)|(start|test)\b)/g)].map((match) => match[1] ?? match[2] ?? '');
}

const folders = ['functions', 'shared', 'infra', 'test', 'docs', '.github', '.ci'];
/** Made by a build or by the reader. */
const madeLater = /^(dist\/|local\.settings\.json$)/;

/** Inline code that is a path from the root: `shared/x.ts`, `host.json`. Patterns with placeholders are none. */
function pathsIn(text: string): readonly string[] {
  const spans = [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].flatMap((match) => match[1]?.split(' ') ?? []);
  return spans.filter((span) => {
    if (!/^[\w./-]+$/.test(span) || madeLater.test(span)) return false;
    const [first] = span.split('/');
    return span.includes('/') ? folders.includes(first ?? '') : /\.(json|ya?ml|md|ts)$/.test(span);
  });
}

/** Targets of relative links, without their anchors; an empty one is a link within the page. */
function linksIn(text: string): readonly { readonly path: string; readonly anchor: string | undefined }[] {
  return [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/i.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { path, anchor };
    });
}

/** As GitHub makes them: lower case, punctuation gone, spaces to dashes. */
function anchorsOf(text: string): readonly string[] {
  return [...withoutFences(text).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The codes in the first column of the tables under a heading of the second level. */
function codesUnder(heading: string, text: string): readonly string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '');
}

function deadLinks(document: string): readonly string[] {
  const { text } = readSource(document);
  return linksIn(text).flatMap(({ path, anchor }) => {
    const target = path === '' ? document : normalize(join(dirname(document), path));
    if (!existsSync(join(root, target))) return [`${document} -> ${path}`];
    const dead = anchor !== undefined && target.endsWith('.md') && !anchorsOf(readSource(target).text).includes(anchor);
    return dead ? [`${document} -> ${path}#${anchor}`] : [];
  });
}

describe('what documents name', () => {
  it('is found in their text', () => {
    const text =
      'Run `npm run a:b -- --x`, `npm start`, not npm ci; see `shared/a.ts`, [b](c/d.md#e) and [f](https://g).';
    expect(scriptsIn(text)).toEqual(['a:b', 'start']);
    expect(pathsIn(text)).toEqual(['shared/a.ts']);
    expect(linksIn(text)).toEqual([{ path: 'c/d.md', anchor: 'e' }]);
    expect(codesUnder('A b', '## A b\n| `c` | d |\n| e | `f` |\n## G\n| `h` | i |')).toEqual(['c']);
  });

  it.each(documents)('are scripts that package.json has: %s', (document) => {
    const missing = scriptsIn(readSource(document).text).filter((name) => packageJson.scripts[name] === undefined);
    expect(missing).toEqual([]);
  });

  it('are scripts whose files exist', () => {
    const named = documents.flatMap((document) => scriptsIn(readSource(document).text));
    const files = named.flatMap((name) => packageJson.scripts[name]?.match(/[\w./-]+\.ts\b/g) ?? []);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it.each(guides)('are files that exist: %s', (document) => {
    const missing = pathsIn(readSource(document).text).filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });

  it.each(documents)('are links that lead somewhere: %s', (document) => {
    expect(deadLinks(document)).toEqual([]);
  });
});

describe('the architecture page', () => {
  const { text } = readSource('docs/architecture.md');

  it('names files of the tree in its tables', () => {
    expect(pathsIn(text).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('leads through ten files', () => {
    expect([...text.matchAll(/^\d+\. \[[\w/]+\.ts\]/gm)]).toHaveLength(10);
  });
});

describe('the pages that list things', () => {
  it('have every stand-in in their index', () => {
    const index = linksIn(readSource('docs/stand-ins/README.md').text).map(({ path }) => path);
    const tables = readdirSync(join(root, 'docs/stand-ins')).filter((name) => name !== 'README.md');
    expect(tables.filter((name) => !index.includes(name))).toEqual([]);
  });

  it('name libraries that are dependencies', () => {
    const { text } = readSource('docs/adr/0007-few-libraries-made-for-their-field.md');
    const named = [...text.matchAll(/^\| ([a-z][\w-]+) \|/gm)].map((match) => match[1] ?? '');
    const known = { ...packageJson.dependencies, ...packageJson.devDependencies };
    expect(named.filter((name) => name !== 'library' && known[name] === undefined)).toEqual([]);
  });

  it.each([
    { heading: 'Skip reasons', codes: skipReasons },
    { heading: 'Retire reasons', codes: retireReasons },
    { heading: 'Alarms', codes: alarmReasons },
  ])('have a row for each code, in order: $heading', ({ heading, codes }) => {
    expect(codesUnder(heading, readSource('docs/scaling.md').text)).toEqual(codes);
  });

  it('have every command in the README', () => {
    const named = new Set(scriptsIn(readSource('README.md').text));
    expect(Object.keys(packageJson.scripts).filter((name) => !named.has(name))).toEqual([]);
  });

  it('give the port of each part of the local system', () => {
    const { text } = readSource('README.md');
    const ports = [...text.matchAll(/\| (70\d\d) /g)].map((match) => Number(match[1]));
    expect(ports.toSorted((a, b) => a - b)).toEqual(parts.map((_, index) => 7071 + index));
  });
});
