/** Writes the schema by which the `pod` blocks of templates are checked; to be done after an update of the SDK. */
import { writeFile } from 'node:fs/promises';
import { derivePodSchema } from './podSchema.ts';

const target = new URL('../../shared/config/podSchema.generated.json', import.meta.url);
await writeFile(target, `${JSON.stringify(await derivePodSchema())}\n`);
