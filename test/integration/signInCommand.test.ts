/** `npm run sign-in` as a process of its own, against Entra, Key Vault and Azure DevOps as they stand in. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EntraStandIn } from '../../infra/local/azure/entra.ts';
import { startEntra } from '../../infra/local/azure/entra.ts';
import type { EntraUser } from '../../infra/local/azure/entraWorld.ts';
import { EntraWorld } from '../../infra/local/azure/entraWorld.ts';
import type { KeyVaultStandIn } from '../../infra/local/azure/keyVault.ts';
import { startKeyVault, vaultResource } from '../../infra/local/azure/keyVault.ts';
import type { ManagedIdentityStandIn } from '../../infra/local/azure/managedIdentity.ts';
import { startManagedIdentity } from '../../infra/local/azure/managedIdentity.ts';
import { administrator } from '../../infra/local/azureDevOps/wire/tokens.ts';
import { SystemClock } from '../../infra/local/world/clock.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../support/azureDevOpsServer.ts';
import { aConfigText, anOrganisationDocument } from '../support/configText.ts';

const command = fileURLToPath(new URL('../../infra/cli/signIn.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mayfly-sign-in-'));
const tenantId = '11111111-2222-3333-4444-555555555555';
const clientId = '66666666-7777-8888-9999-000000000000';
const known: EntraUser = { name: 'mayfly-service@contoso.com' };
const stranger: EntraUser = { name: 'somebody@contoso.com' };
const browser: { user: EntraUser | undefined } = { user: known };

let identity: ManagedIdentityStandIn;
let vault: KeyVaultStandIn;
let devOps: TestAzureDevOps<SystemClock>;
let world: EntraWorld;
let entra: EntraStandIn;
let settings: Readonly<Record<string, string>>;

const configText = (): string =>
  aConfigText({
    organisations: [anOrganisationDocument({ url: devOps.url })],
    keyVault: { url: vault.url },
    tokens: [
      { name: 'agents', organisation: 'contoso', keyVaultSecret: 'agents-pat', mode: 'rotate' },
      { name: 'by-hand', organisation: 'contoso', keyVaultSecret: 'by-hand-pat', mode: 'watch' },
    ],
    delegatedUser: { tenantId, clientId, keyVaultSecret: 'mayfly-sign-in' },
  });

beforeAll(async () => {
  const clock = new SystemClock();
  identity = await startManagedIdentity();
  vault = await startKeyVault({ accepts: (token) => identity.accepts(token, vaultResource) !== undefined });
  devOps = await startTestAzureDevOps({ clock });
  world = new EntraWorld({
    now: () => clock.now(),
    tenantId,
    clientIds: [clientId],
    deviceIntervalMs: 20,
    onGrant: ({ accessToken: token, user, expiresAt }) => {
      if (user !== known) return;
      const caller = { kind: 'user', name: user.name, rights: administrator } as const;
      devOps.tokens.add({ token, kind: 'entra', identity: caller, delegated: true, expiresAt });
    },
  });
  entra = await startEntra({ world, browserUser: () => browser.user });
  const path = join(folder, 'mayfly.yaml');
  writeFileSync(path, configText());
  settings = {
    ...identity.settings,
    MAYFLY_CONFIG: path,
    MAYFLY_ENTRA_URL: entra.url,
  };
});

afterEach(() => {
  browser.user = known;
  vault.faults.clear();
  devOps.faults.clear();
});

afterAll(async () => {
  await Promise.all([identity.close(), vault.close(), devOps.close(), entra.close()]);
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs it; `onPrompt` gets the address that the person is to open, once. */
function signIn(
  parameters: readonly string[],
  onPrompt?: (url: string, text: string) => Promise<unknown>,
): Promise<Ended> {
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', ...settings };
  const child = spawn(process.execPath, [command, ...parameters], { cwd: root, env });
  let [out, err] = ['', ''];
  let prompted = false;
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    const url = /https?:\/\/127\.0\.0\.1:\d+\/(\S+\/authorize\?\S+|devicelogin)/.exec(out)?.[0];
    const whole = url !== undefined && /sign in as the service user[:.]\n/.test(out) && out.endsWith('\n\n');
    if (prompted || !whole) return;
    prompted = true;
    // A browser that fails shows in what the command says.
    onPrompt?.(url, out).catch(() => undefined);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

const versions = () => vault.secrets.versions('mayfly-sign-in');
const secretsOf = (): readonly string[] =>
  world.grants.flatMap(({ accessToken, refreshToken = '' }) => [accessToken, refreshToken]);
const shown = ({ out, err }: Ended): readonly string[] =>
  secretsOf().filter((secret) => `${out}${err}`.includes(secret));

describe('npm run sign-in', () => {
  it('signs in by redirect, tries the sign-in, stores it and shows no secret', async () => {
    const pages: string[] = [];
    const ended = await signIn(['--token', 'agents'], async (url) => pages.push(await (await fetch(url)).text()));
    expect([ended.code, ended.err]).toEqual([0, '']);
    expect(ended.out).toContain('Signed in as mayfly-service@contoso.com.');
    expect(ended.out).toContain(`${devOps.url} takes it; the user has 0 active token(s) there.`);
    expect(pages).toEqual([expect.stringContaining('Done here.')]);
    const latest = vault.secrets.latest('mayfly-sign-in');
    expect([latest?.value, latest?.tags['mayfly-user']]).toEqual([
      world.grants.at(-1)?.refreshToken,
      'mayfly-service@contoso.com',
    ]);
    expect([secretsOf().length > 0, shown(ended)]).toEqual([true, []]);
  });

  it('signs in by device code and puts the sign-in before it out of use', async () => {
    const ended = await signIn(['--device-code'], (url, text) => {
      const userCode = /enter (\w+) within 15 min/.exec(text)?.[1];
      return fetch(`${url}?code=${userCode}`);
    });
    expect([ended.code, ended.err]).toEqual([0, '']);
    expect(
      versions()
        .filter(({ attributes }) => attributes.enabled)
        .map(({ value }) => value),
    ).toEqual([world.grants.at(-1)?.refreshToken]);
    expect(shown(ended)).toEqual([]);
  });

  it('needs no mayfly.yaml where everything is named', async () => {
    const named = ['--tenant', tenantId, '--client-id', clientId, '--vault', vault.url, '--secret', 'other'];
    const ended = await signIn(named, (url) => fetch(url));
    expect([ended.code, vault.secrets.versions('other').length]).toEqual([0, 1]);
  });

  it('stores no user whom the organisation does not take', async () => {
    browser.user = stranger;
    const before = versions().length;
    const ended = await signIn(['--token', 'agents'], (url) => fetch(url));
    expect([ended.code, versions().length]).toEqual([1, before]);
    expect(ended.err).toContain(`${devOps.url} does not take this user.`);
  });

  it('stores one that could not be tried, and says so', async () => {
    const before = versions().length;
    devOps.faults.add({ kind: 'status', status: 500 }, ({ verb }) => verb === 'listPersonalTokens', 10);
    const ended = await signIn(['--token', 'agents'], (url) => fetch(url));
    expect([ended.code, versions().length]).toEqual([0, before + 1]);
    expect(ended.out).toContain('could not be asked (unavailable)');
  });

  it('says in a line that the person cancelled', async () => {
    browser.user = undefined;
    const ended = await signIn(['--token', 'agents'], (url) => fetch(url));
    expect([ended.code, ended.err.trim().split('\n')]).toEqual([1, [expect.stringContaining('AADSTS65004')]]);
  });

  it('lets no other page of this machine answer for the browser', async () => {
    const answers: number[] = [];
    const ended = await signIn(['--token', 'agents'], async (url) => {
      const redirect = new URL(url).searchParams.get('redirect_uri') ?? '';
      answers.push((await fetch(`${redirect}/?code=planted&state=guessed`)).status);
      await fetch(url);
    });
    expect([answers, ended.code]).toEqual([[400], 0]);
  });

  const wrong: readonly { name: string; given: readonly string[]; want: RegExp; before?: () => unknown }[] = [
    { name: 'an unknown token', given: ['--token', 'nope'], want: /no token nope in mode rotate; it has agents\./ },
    { name: 'a token that a person rotates', given: ['--token', 'by-hand'], want: /no token by-hand in mode rotate/ },
    { name: 'half of the names', given: ['--tenant', 'x'], want: /belong together/ },
    {
      name: 'a vault that cannot be read',
      given: ['--token', 'agents'],
      want: /keyVault forbidden \(403\)/,
      before: () => vault.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'GET', 10),
    },
  ];
  it.each(wrong)('refuses $name in one line, before anybody signs in', async ({ given, want, before }) => {
    before?.();
    const ended = await signIn(given);
    expect([ended.code, ended.err.trim().split('\n').length]).toEqual([1, 1]);
    expect(ended.err).toMatch(want);
    expect(ended.out).not.toContain('authorize');
  });
});
