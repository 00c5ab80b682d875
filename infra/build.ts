/**
 * Builds what is deployed: `dist/functions/main.js` and the chunks that it loads when they are needed. Split ESM, so
 * that the entry is small and each SDK is read only by the call that uses it; one file with everything in it was five
 * times slower to start. No node_modules are shipped: only `@azure/functions-core` stays outside, the worker has it.
 */
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where esbuild's account of the build is kept, for the bench and the tests of what is loaded. */
export const metafilePath = 'dist/functions.meta.json';
export const entryPath = 'dist/functions/main.js';

/**
 * CommonJS packages inside the bundle ask for built-in modules by require() and for their folder by __dirname
 * (azure-devops-node-api 17.0.1 looks its version up there), neither of which an ES module has.
 */
const commonJsBanner = [
  "import{createRequire as __createRequire}from'node:module';",
  'const require=__createRequire(import.meta.url),__dirname=import.meta.dirname,__filename=import.meta.filename;',
].join('');

/** Builds into `dist` under `directory`; paths in the returned account are relative to the repository. */
export async function buildFunctions(directory: string = root): Promise<Metafile> {
  const outdir = `${directory}/dist/functions`;
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['functions/main.ts'],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    platform: 'node',
    target: 'node22',
    external: ['@azure/functions-core'],
    banner: { js: commonJsBanner },
    chunkNames: 'chunks/[name]-[hash]',
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(`${directory}/${metafilePath}`, JSON.stringify(metafile));
  return metafile;
}

// Not import.meta.main, which Node 22 does not know: there the command would build nothing and say nothing.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { outputs } = await buildFunctions();
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`${entryPath}: ${Object.keys(outputs).length} files, ${Math.round(bytes / 1024)} KiB`);
}
