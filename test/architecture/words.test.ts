import { describe, expect, it } from 'vitest';
import { bareCode, countCodeLines, readSource, trackedFiles, typescriptFiles } from '../support/sources.ts';

const files = typescriptFiles();
const isTest = (path: string): boolean => path.startsWith('test/');

/** Files in which a pattern occurs, with the text that did. */
function found(pattern: RegExp, pick: (path: string) => boolean = () => true): readonly string[] {
  return files
    .filter(({ path }) => pick(path))
    .flatMap(({ path, text }) => [...bareCode(text).matchAll(pattern)].map((match) => `${path}: ${match[0].trim()}`));
}

describe('files', () => {
  it('hold at most 250 lines of code, tests at most 400', () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: countCodeLines(text) }))
      .filter(({ path, lines }) => lines > (isTest(path) ? 400 : 250));
    expect(long).toEqual([]);
  });

  it('are camelCase nouns that say what they hold', () => {
    const layerNames = /(^|\/)(utils?|helpers?|types|common|misc|index)\.ts$/;
    const wrong = files
      .map(({ path }) => path)
      .filter((path) => layerNames.test(path) || !/\/?[a-z][A-Za-z0-9]*(\.(test|config))?\.ts$/.test(path));
    expect(wrong).toEqual([]);
  });

  it('export names, never a default', () => {
    expect(found(/^\s*export default\b.*$/gm, (path) => !path.endsWith('.config.ts'))).toEqual([]);
  });
});

describe('names', () => {
  const declared = String.raw`\b(?:class|interface|type|function|const|let)\s+`;

  it('end in no empty word', () => {
    const empty = new RegExp(String.raw`${declared}\w*(?:Manager|Helpers?|Utils?|Service|Handler)\b`, 'g');
    expect(found(empty)).toEqual([]);
  });

  it('say which job they mean', () => {
    const bare = new RegExp(String.raw`${declared}[jJ]obs?\b`, 'g');
    expect(found(bare, (path) => /^(shared|functions)\//.test(path))).toEqual([]);
  });
});

describe('tests', () => {
  it('replace no module', () => {
    const mocks = /\bvi\s*\.\s*(?:mock|doMock|hoisted|importActual|importMock|stubGlobal)\b/g;
    expect(found(mocks, isTest)).toEqual([]);
  });

  it('are not left focused or skipped', () => {
    expect(found(/\b(?:it|test|describe)\.(?:only|skip|todo)\b/g, isTest)).toEqual([]);
  });

  it('say what is so, not what should be', () => {
    const titles = files
      .filter(({ path }) => isTest(path))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\bit\(\s*['"`]should\b.*/g)].map((match) => `${path}: ${match[0]}`),
      );
    expect(titles).toEqual([]);
  });
});

describe('what is in the repository', () => {
  /** Written in pieces, so that this file does not name what it looks for. */
  const dotted = (...parts: readonly string[]): string => parts.join('.');
  const hosts = [
    dotted('registry', 'npmjs', 'org'),
    dotted('registry', 'yarnpkg', 'com'),
    dotted('deb', 'debian', 'org'),
    dotted('proxy', 'golang', 'org'),
    dotted('files', 'pythonhosted', 'org'),
    dotted('pypi', 'org'),
    dotted('static', 'crates', 'io'),
    dotted('rubygems', 'org'),
  ];
  const machine = [
    ['', 'work', 'main'],
    ['', 'work', 'shared'],
    ['', 'work', '.library'],
    ['', 'farm', 'in'],
    ['', 'tmp', 'bash_jobs'],
  ];
  const forbidden = [...hosts, ...machine.map((parts) => parts.join('/'))];

  it('names no package registry and no path of one machine', () => {
    const text = trackedFiles().filter((path) => !/\.(png|gif|ico|gz|zip|woff2?)$/.test(path));
    const wrong = text
      .map(readSource)
      .flatMap(({ path, text: content }) =>
        forbidden.filter((word) => content.includes(word)).map((word) => `${path}: ${word}`),
      );
    expect(wrong).toEqual([]);
  });

  it('leaves no note to do something later', () => {
    const marks = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].map((word) => String.raw`\b${word}\b`).join('|'));
    const wrong = files.filter(({ text }) => marks.test(text)).map(({ path }) => path);
    expect(wrong).toEqual([]);
  });
});
