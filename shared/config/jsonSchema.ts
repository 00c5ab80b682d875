/** The JSON Schema of mayfly.yaml for editors, generated from the schema that parses it. */
import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { configSchema } from './schema.ts';

/** Draft 7, which every editor's YAML support reads. */
export function configJsonSchema(): JsonObject {
  const generated: unknown = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
  if (!isJsonObject(generated)) throw new TypeError('no schema was generated');
  return { ...generated, title: 'Mayfly configuration' };
}
