/** The recipes of docs/recipes as data: each heading with a mark, and the YAML blocks under it by kind. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { isJsonObject, type JsonObject } from '../../shared/domain/json.ts';

const directory = fileURLToPath(new URL('../../docs/recipes/', import.meta.url));

export const marks = [
  'Runs in the stand-in',
  "Passes a real API server's strict dry-run",
  'Documented',
  'Unsupported',
] as const;
export type Mark = (typeof marks)[number];

export const blockKinds = ['template', 'config', 'manifest', 'kustomization'] as const;
export type BlockKind = (typeof blockKinds)[number];

export interface Recipe {
  readonly file: string;
  readonly title: string;
  readonly mark: Mark;
  readonly blocks: readonly { readonly kind: BlockKind; readonly object: JsonObject }[];
}

export const recipesIndex = (): string => readFileSync(`${directory}README.md`, 'utf8');

/** Throws on a block of no kind, on a section with two marks, and on YAML that is none. */
export function loadRecipes(): readonly Recipe[] {
  const files = readdirSync(directory).filter((file) => file.endsWith('.md') && file !== 'README.md');
  return files.toSorted().flatMap((file) =>
    readFileSync(`${directory}${file}`, 'utf8')
      .split(/^#+ (?=.)/m)
      .flatMap((section) => recipeOf(file, section)),
  );
}

function recipeOf(file: string, section: string): readonly Recipe[] {
  const title = section.split('\n', 1)[0] ?? '';
  const found = marks.filter((mark) => new RegExp(`^\\*{1,2}${mark}\\.\\*{1,2} `, 'm').test(section));
  const blocks = [...section.matchAll(/^```(\S*) ?(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, kind, text]) => {
    if (language !== 'yaml' || !isBlockKind(kind)) throw new Error(`${file}, ${title}: a block of no kind`);
    return objectsIn(text ?? '').map((object) => ({ kind, object }));
  });
  const [mark] = found;
  if (mark === undefined && blocks.length === 0) return [];
  if (mark === undefined || found.length > 1) throw new Error(`${file}, ${title}: needs exactly one mark`);
  return [{ file, title, mark, blocks }];
}

const isBlockKind = (kind: string | undefined): kind is BlockKind => blockKinds.some((each) => each === kind);

function objectsIn(text: string): readonly JsonObject[] {
  return parseAllDocuments(text).map((document) => {
    const object: unknown = document.toJS();
    if (document.errors.length > 0 || !isJsonObject(object)) throw new Error(`no object in YAML: ${text}`);
    return object;
  });
}

export function blocksOf(recipe: Recipe, kind: BlockKind): readonly JsonObject[] {
  return recipe.blocks.filter((block) => block.kind === kind).map(({ object }) => object);
}
