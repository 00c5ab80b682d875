/** The reference page is written by hand; the schema knows what has to be on it. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../../shared/config/jsonSchema.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import { aConfigText, aPoolDocument, aTemplateDocument, problemsOf } from '../../support/configText.ts';
import { readSource } from '../../support/sources.ts';

const { text } = readSource('docs/configuration.md');
/** `cpu | 1`: the first two cells of every row, without quotes. */
const rows = new Set(
  [...text.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm)].map(
    ([, key, standard = '']) => `${key} | ${standard.replaceAll(/[`"]/g, '')}`,
  ),
);

interface Property {
  readonly key: string;
  readonly schema: JsonObject;
}

/** All keys of the schema, at any depth and of any alternative. */
function propertiesOf(node: JsonValue | undefined): readonly Property[] {
  if (Array.isArray(node)) return node.flatMap((each: JsonValue) => propertiesOf(each));
  if (!isJsonObject(node)) return [];
  const { properties } = node;
  const own = isJsonObject(properties)
    ? Object.entries(properties).flatMap(([key, schema]) => (isJsonObject(schema) ? [{ key, schema }] : []))
    : [];
  const below = ['items', 'oneOf', 'anyOf', 'allOf'].flatMap((word) => propertiesOf(node[word]));
  return [...own, ...own.flatMap(({ schema }) => propertiesOf(schema)), ...below];
}

const properties = propertiesOf(configJsonSchema());

describe('docs/configuration.md', () => {
  it('names every key of the schema', () => {
    const missing = properties.map(({ key }) => key).filter((key) => !new RegExp(`[\`.]${key}[\`.]`).test(text));
    expect(new Set(missing)).toEqual(new Set());
  });

  it('tells every default that is one value', () => {
    const wanted = properties.flatMap(({ key, schema: { default: standard } }) =>
      standard === undefined || typeof standard === 'object' ? [] : [`${key} | ${standard}`],
    );
    expect(wanted.length).toBeGreaterThan(40);
    expect(wanted.filter((row) => !rows.has(row) && !row.startsWith('queue | '))).toEqual([]);
  });

  it('shows templates and pools that the schema accepts', () => {
    const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match): unknown => parse(match[1] ?? ''));
    const parts = blocks.filter((block) => isJsonObject(block) && ('templates' in block || 'pools' in block));
    const problems = parts.flatMap((part) => problemsOf(aConfigText(completed(part as JsonObject))));
    expect([parts.length, problems]).toEqual([3, []]);
  });
});

/** A whole document around an example, which shows parts of templates or of a pool. */
function completed(part: JsonObject): object {
  const templates = entriesOf(part, 'templates');
  const [pool] = entriesOf(part, 'pools');
  return {
    ...(templates.length > 0 && { templates: templates.map((template) => aTemplateDocument(template)) }),
    pools: [aPoolDocument({ ...(templates.length > 0 && { templates: templates.map(({ name }) => name) }), ...pool })],
  };
}

function entriesOf(part: JsonObject, list: string): readonly JsonObject[] {
  const entries = part[list];
  return Array.isArray(entries) ? entries.filter(isJsonObject) : [];
}
