import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunctions, entryPath } from '../../../infra/build.ts';
import { type ColdLoad, forbiddenPackages, loadCold, packagesIn } from '../../support/coldStart.ts';

describe('the built entry', () => {
  let directory: string;
  let metafile: Metafile;
  let load: ColdLoad;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mayfly-build-'));
    metafile = await buildFunctions(directory);
    load = await loadCold(join(directory, entryPath));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('registers every function', () => {
    expect(load.functions.toSorted()).toEqual(['health', 'healthDetails', 'hook', 'reconcilePool', 'sweep']);
  });

  it('loads no SDK, no zod and no yaml before the first call', () => {
    expect(forbiddenPackages(metafile, load)).toEqual([]);
  });

  it('holds the registering library itself, so that nothing beside the build is needed', () => {
    expect(packagesIn(metafile, load.files)).toContain('@azure/functions');
  });
});
