/** Writes mayfly.schema.json, with which editors complete and check mayfly.yaml. Format it afterwards. */
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../../shared/config/jsonSchema.ts';

const target = new URL('../../mayfly.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
