/** The init container's script, run by a real shell; only curl and git are replaced, by scripts that note their arguments. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterBuild } from '../../../shared/domain/clusterBuild.ts';
import { prepareScript } from '../../../shared/plan/buildScripts.ts';
import { aClusterBuild } from '../../support/clusterBuilds.ts';

let root: string;

/** Answers like Entra, the registry and a store of archives; notes what stood on its command line. */
const curl = `#!/bin/sh
echo "curl $*" >>"$ROOT/calls"
out=; last=
while [ $# -gt 0 ]; do case $1 in -o) out=$2; shift;; esac; last=$1; shift; done
case $last in
  *login.microsoftonline.com*) printf '{"token_type":"Bearer","expires_in":3599,"access_token":"entra-token"}' >"$out";;
  */oauth2/exchange) printf '{"refresh_token": "registry-token"}' >"$out";;
  *) mkdir -p "$ROOT/packed"; echo hello >"$ROOT/packed/Dockerfile"; tar -cz -C "$ROOT/packed" . ;;
esac
`;
const git = `#!/bin/sh
echo "git $*" >>"$ROOT/calls"
case "$*" in
  init*) mkdir -p "$ROOT/work/context";;
  *fetch*) printf '%s' "$GIT_CONFIG_KEY_0=$GIT_CONFIG_VALUE_0" >"$ROOT/header";;
esac
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'prepare-'));
  for (const name of ['bin', 'work', 'login', 'scratch', 'identity', 'docker-config']) mkdirSync(join(root, name));
  for (const [name, script] of Object.entries({ curl, git })) {
    writeFileSync(join(root, 'bin', name), script);
    chmodSync(join(root, 'bin', name), 0o755);
  }
  writeFileSync(join(root, 'identity', 'token'), 'service-account-token');
  writeFileSync(join(root, 'docker-config', 'config.json'), '{"credHelpers":{}}');
});

afterEach(() => rmSync(root, { recursive: true }));

async function prepare(
  fields: Partial<ClusterBuild> = {},
  without: readonly (keyof ClusterBuild)[] = [],
): Promise<void> {
  const entries = Object.entries(aClusterBuild(fields)).filter(([key]) => !without.some((each) => each === key));
  const script = prepareScript(Object.fromEntries(entries) as unknown as ClusterBuild);
  const here = script.replaceAll(/(?<![\w.])\/(work|login|scratch|identity|docker-config)(?=[/ \n]|$)/g, `${root}/$1`);
  const env = {
    PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
    ROOT: root,
    HOME: join(root, 'scratch'),
    AZURE_TENANT_ID: 'tenant',
    AZURE_CLIENT_ID: 'client',
  };
  await promisify(execFile)('/bin/sh', ['-euc', here], { env });
}

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');

describe('preparing a build', () => {
  it('logs in to the registry, fetches the repository as the identity, and leaves no token but the login', async () => {
    await prepare();
    const { auths } = JSON.parse(read('login', 'config.json')) as { auths: Record<string, { auth: string }> };
    expect(Object.keys(auths)).toEqual(['contoso.azurecr.io']);
    expect(Buffer.from(auths['contoso.azurecr.io']?.auth ?? '', 'base64').toString()).toBe(
      '00000000-0000-0000-0000-000000000000:registry-token',
    );
    expect(read('header')).toBe('http.extraHeader=Authorization: Bearer entra-token');
    expect(readdirSync(join(root, 'scratch'))).toEqual([]);
  });

  it('puts no token on a command line, which every process can read', async () => {
    await prepare({ context: { kind: 'archive', url: 'https://contoso.blob.core.windows.net/c/a.tar.gz' } });
    expect(read('calls')).not.toMatch(/entra-token|registry-token|service-account-token/);
    expect(read('work', 'context', 'Dockerfile')).toBe('hello\n');
  });

  it('asks nobody for a token without an identity', async () => {
    await prepare({ context: { kind: 'archive', url: 'https://files.example/a.tar.gz' } }, ['identity']);
    expect(read('calls')).not.toContain('oauth2');
    expect(existsSync(join(root, 'login', 'config.json'))).toBe(false);
  });

  it('takes the helpers of the ConfigMap instead of a login', async () => {
    await prepare({ dockerConfig: 'docker-config' });
    expect(read('login', 'config.json')).toBe('{"credHelpers":{}}');
  });

  it('ends where no token can be had', async () => {
    writeFileSync(join(root, 'bin', 'curl'), '#!/bin/sh\nexit 22\n');
    await expect(prepare()).rejects.toMatchObject({ code: 22 });
    expect(existsSync(join(root, 'login', 'config.json'))).toBe(false);
  });
});
