/** The text of mayfly.yaml to a configuration, or to all that is wrong with it at once. */
import { ConfigError, type ConfigProblem } from '../domain/errors.ts';
import { composeConfig } from './compose.ts';
import { crossChecks } from './crossChecks.ts';
import type { MayflyConfig } from './policy.ts';
import { configSchema } from './schema.ts';
import { schemaProblems } from './schemaProblems.ts';
import { parseYaml, type Settings } from './yamlText.ts';

export type { Settings };

/** Throws ConfigError and nothing else. `source` names the text in the error; `settings` fill in `${NAME}`. */
export function parseConfig(text: string, source: string, settings: Settings = {}): MayflyConfig {
  const { written, filled, problems } = parseYaml(text, settings);
  if (written === undefined || filled === undefined) throw new ConfigError(source, problems);
  const parsed = configSchema.safeParse(filled);
  // A value that could not be filled in would also fail the rule of its field: one sentence per place is enough.
  const unfilled = new Set(problems.map(({ path }) => path));
  const rest = [
    ...(parsed.success ? [] : schemaProblems(parsed.error.issues, written)),
    ...crossChecks({ written, filled }),
  ].filter(({ path }) => !unfilled.has(path));
  const all: readonly ConfigProblem[] = [...problems, ...rest];
  if (parsed.success && all.length === 0) return composeConfig(parsed.data);
  throw new ConfigError(source, all);
}
