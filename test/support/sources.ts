/** The repository's own files as text, for tests that read the code instead of running it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Every file that git knows and that still exists. */
export function trackedFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
}

export function readSource(path: string): SourceFile {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

export function typescriptFiles(): readonly SourceFile[] {
  return trackedFiles()
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map(readSource);
}

const commentOrString = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

/** Without comments; line breaks inside them stay, so that lines keep their numbers. */
export function withoutComments(text: string): string {
  return text.replaceAll(
    commentOrString,
    (whole, quoted: string | undefined) => quoted ?? whole.replaceAll(/[^\n]/g, ''),
  );
}

/** Without comments and without the content of plain strings. */
export function bareCode(text: string): string {
  return withoutComments(text).replaceAll(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''");
}

/** Lines that hold code. */
export function countCodeLines(text: string): number {
  return withoutComments(text)
    .split('\n')
    .filter((line) => line.trim() !== '').length;
}

export interface Import {
  /** A path from the root for files of ours, else the package or built-in module as written. */
  readonly target: string;
  readonly own: boolean;
  /** Gone at run time. */
  readonly typeOnly: boolean;
  /** By import(): loaded when it is reached. */
  readonly lazy: boolean;
}

const statement = /^[ \t]*(import|export)\b(?:([^'";=]*?)\bfrom[ \t\n]*)?[ \t\n]*'([^'\n]+)'/gm;
const call = /\bimport\(\s*'([^'\n]+)'/g;

/** True for `type { a }` and for `{ type a, type b }`. */
function isTypeOnly(clause: string | undefined): boolean {
  if (clause === undefined) return false;
  const text = clause.trim();
  if (text.startsWith('type ') || text.startsWith('type{')) return true;
  const names = /^\{([^}]*)\}$/
    .exec(text)?.[1]
    ?.split(',')
    .map((name) => name.trim());
  return names?.filter((name) => name !== '').every((name) => name.startsWith('type ')) ?? false;
}

export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const code = withoutComments(text);
  const at = (specifier: string, typeOnly: boolean, lazy: boolean): Import => {
    const own = specifier.startsWith('.');
    return { target: own ? normalize(join(dirname(path), specifier)) : specifier, own, typeOnly, lazy };
  };
  return [
    ...[...code.matchAll(statement)].map((match) => at(match[3] ?? '', isTypeOnly(match[2]), false)),
    ...[...code.matchAll(call)].map((match) => at(match[1] ?? '', false, true)),
  ];
}

/** `@scope/name` or `name` of what is imported; `node:x` as it is. */
export function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
