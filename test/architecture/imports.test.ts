import { describe, expect, it } from 'vitest';
import { bareCode, type Import, importsOf, packageName, type SourceFile, typescriptFiles } from '../support/sources.ts';

const files = typescriptFiles();
const byPath = new Map(files.map((file) => [file.path, file]));

/** The layers, by the longest prefix that fits. */
const layers = {
  'functions/': 'functions',
  'shared/domain/': 'domain',
  'shared/plan/': 'plan',
  'shared/hooks/': 'hooks',
  'shared/reconcile/': 'reconcile',
  'shared/adapters/': 'adapters',
  'shared/config/': 'config',
  'shared/ports': 'ports',
  'shared/': 'root',
  'infra/local/': 'local',
  'infra/cli/': 'cli',
  'infra/': 'tools',
  'test/': 'test',
  '': 'tools',
} as const;
type Layer = (typeof layers)[keyof typeof layers];

function layerOf(path: string): Layer {
  const prefixes = Object.entries(layers).toSorted(([a], [b]) => b.length - a.length);
  return prefixes.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'tools';
}

const shared: readonly Layer[] = ['domain', 'plan', 'hooks', 'reconcile', 'adapters', 'config', 'ports', 'root'];

/** What each layer may import. Anything else would let an effect into a decision, or a stand-in into production. */
const mayImport: Readonly<Partial<Record<Layer, readonly Layer[]>>> = {
  domain: ['domain'],
  plan: ['plan', 'domain'],
  hooks: ['hooks', 'domain'],
  ports: ['ports', 'domain'],
  reconcile: ['reconcile', 'plan', 'domain', 'ports'],
  adapters: ['adapters', 'ports', 'domain'],
  // The protected paths of a pod are the manifest's to know, and a file that touches one is refused when it is read.
  config: ['config', 'plan', 'domain'],
  root: shared,
  functions: ['functions', ...shared],
  local: ['local', ...shared],
  cli: ['cli', 'local', ...shared],
};

/** Packages and built-in modules by layer; a layer that is not named may import what it likes. */
const mayUse: Readonly<Partial<Record<Layer, RegExp>>> = {
  domain: /^$/,
  plan: /^$/,
  ports: /^$/,
  reconcile: /^$/,
  hooks: /^node:crypto$/,
  config: /^(node:.*|zod|yaml|croner|fastest-levenshtein)$/,
  functions: /^@azure\/functions$/,
  root: /^(node:.*|croner)$/,
};

const sdks = /^(@azure\/(?!functions$).*|@kubernetes\/.*|azure-devops-node-api|undici)$/;

function violations(check: (file: SourceFile, one: Import) => boolean): readonly string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter((one) => check(file, one))
      .map((one) => `${file.path} -> ${one.target}`),
  );
}

describe('imports', () => {
  it('are found in every form', () => {
    const text = [
      "import './effect.ts';",
      "import type { A } from '../domain/a.ts';",
      "import { type B, type C } from './b.ts';",
      'import d, {',
      '  type E,',
      "} from 'pack/d';",
      "export type { F } from './f.ts';",
      "export * from '@scope/pack/g';",
      "// import './comment.ts';",
      'const text = "import \'./text.ts\'";',
      "const h = await import('./h.ts');",
    ].join('\n');
    const form = ({ target, typeOnly, lazy }: Import) => `${target}${typeOnly ? ' type' : ''}${lazy ? ' lazy' : ''}`;
    expect(importsOf({ path: 'shared/hooks/x.ts', text }).map(form)).toEqual([
      'shared/hooks/effect.ts',
      'shared/domain/a.ts type',
      'shared/hooks/b.ts type',
      'pack/d',
      'shared/hooks/f.ts type',
      '@scope/pack/g',
      'shared/hooks/h.ts lazy',
    ]);
  });

  it('point only to layers that a layer may know', () => {
    const wrong = violations((file, one) => {
      const allowed = mayImport[layerOf(file.path)];
      return one.own && allowed !== undefined && !allowed.includes(layerOf(one.target));
    });
    expect(wrong).toEqual([]);
  });

  it('bring only the packages that a layer may use', () => {
    const wrong = violations((file, one) => {
      const allowed = mayUse[layerOf(file.path)];
      return !one.own && allowed !== undefined && !allowed.test(packageName(one.target));
    });
    expect(wrong).toEqual([]);
  });

  it('reach an SDK of the outside world from adapters only, in what is deployed', () => {
    const deployed: readonly Layer[] = ['functions', ...shared];
    const wrong = violations((file, one) => {
      const layer = layerOf(file.path);
      return deployed.includes(layer) && layer !== 'adapters' && sdks.test(packageName(one.target));
    });
    expect(wrong).toEqual([]);
  });

  it('load no package but the registering library before the first call', () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (path: string): void => {
      const file = byPath.get(path);
      if (file === undefined || seen.has(path)) return;
      seen.add(path);
      for (const one of importsOf(file).filter((each) => !each.typeOnly && !each.lazy)) {
        if (one.own) visit(one.target);
        else packages.add(one.target);
      }
    };
    visit('functions/main.ts');
    expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual(['@azure/functions']);
  });
});

describe('decisions', () => {
  const impure: readonly (readonly [name: string, pattern: RegExp])[] = [
    ['the clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b/],
    ['randomness', /\bMath\.random\b|\brandomUUID\b|\bcrypto\b/],
    ['the environment', /\bprocess\b|\bglobalThis\b/],
    ['timers', /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
    ['the network', /\bfetch\b|\bWebSocket\b|\bXMLHttpRequest\b/],
    ['the console', /\bconsole\b/],
    ['promises', /\basync\b|\bawait\b|\bnew Promise\b/],
  ];

  it.each(impure)('do not touch %s', (_name, pattern) => {
    const pure = files.filter(({ path }) => ['domain', 'plan'].includes(layerOf(path)));
    expect(pure.length).toBeGreaterThan(0);
    expect(pure.filter(({ text }) => pattern.test(bareCode(text))).map(({ path }) => path)).toEqual([]);
  });
});

describe('the environment', () => {
  it('is read in one place', () => {
    const deployed = files.filter(({ path }) => path.startsWith('shared/') || path.startsWith('functions/'));
    const readers = deployed.filter(({ text }) => /\bprocess\.env\b/.test(bareCode(text))).map(({ path }) => path);
    expect(readers.filter((path) => path !== 'shared/app.ts')).toEqual([]);
  });
});
