/** The manifests of image builds against a real API server, which checks every field: a dry run, so nothing is left. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { buildEngines } from '../../shared/domain/clusterBuild.ts';
import { buildImageJobManifest } from '../../shared/plan/manifestBuild.ts';
import { aClusterBuild } from '../support/clusterBuilds.ts';
import { anOrder } from './imageBuilder.contract.ts';

const kubeconfig = process.env['MAYFLY_TEST_KUBECONFIG'] ?? '';
if (kubeconfig === '') {
  process.stdout.write('skipped: manifests of builds on a real cluster; MAYFLY_TEST_KUBECONFIG=FILE runs them\n');
}

describe.skipIf(kubeconfig === '')('a real API server', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'builds-'));
  afterAll(() => rmSync(scratch, { recursive: true }));

  it.each(buildEngines)('takes the Job of %s in a strict dry run', async (engine) => {
    const file = join(scratch, `${engine}.json`);
    const job = buildImageJobManifest(aClusterBuild({ engine, namespace: 'default' }), anOrder());
    writeFileSync(file, JSON.stringify(job));
    const words = ['--kubeconfig', kubeconfig, 'create', '--dry-run=server', '--validate=strict', '-f', file];
    const { stdout } = await promisify(execFile)('kubectl', words);
    expect(stdout).toMatch(/job\.batch\/mf-build-.* created \(server dry run\)/);
  });
});
