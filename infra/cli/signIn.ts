/**
 * npm run sign-in -- --token <name>                   a browser on this machine
 * npm run sign-in -- --token <name> --device-code     a browser on another one
 * npm run sign-in -- --tenant <id> --client-id <id> --vault <url> --secret <name>     without mayfly.yaml
 *
 * Signs in the service user as whom Mayfly makes tokens, and stores its refresh token in Key Vault. It shows no secret.
 */
import { Command } from 'commander';
import pc from 'picocolors';
import type { DelegatedUserEndpoint, UserTokens } from '../../shared/adapters/azure/delegatedUserEndpoint.ts';
import { delegatedUserEndpoint } from '../../shared/adapters/azure/delegatedUserEndpoint.ts';
import { storeSignIn } from '../../shared/adapters/azure/delegatedUserTokens.ts';
import { tokenVault } from '../../shared/adapters/azure/tokenVault.ts';
import { deviceCodeSignIn, redirectSignIn } from '../../shared/adapters/azure/userSignIn.ts';
import { azureDevOpsPersonalTokens } from '../../shared/adapters/azureDevOps/personalTokens.ts';
import { azureDevOpsScope } from '../../shared/adapters/azureDevOps/scope.ts';
import { ConfigError, errorKind, hasErrorKind, UpstreamError } from '../../shared/domain/errors.ts';
import { localSettings } from '../local/start/localSettings.ts';
import { portsFrom } from '../local/start/ports.ts';
import { portBaseOption, say } from './localCommand.ts';
import { listenForRedirect } from './localRedirect.ts';
import type { SignInOptions, SignInTarget } from './signInTarget.ts';
import { Complaint, signInTarget, vaultTokensOf } from './signInTarget.ts';

const options = new Command('sign-in')
  .description('Signs in the service user as whom tokens are made, and stores its sign-in in Key Vault.')
  .option('--token <name>', 'as in mayfly.yaml: the sign-in is tried in the organisation of this token')
  .option('--device-code', 'sign in with a browser on another machine', false)
  .option('--tenant <id>', 'instead of mayfly.yaml')
  .option('--client-id <id>', 'of an app that is registered as a public client')
  .option('--vault <url>', 'where the sign-in is stored')
  .option('--secret <name>', 'under which it is stored')
  .option('--local', 'with the settings of what `npm start` runs', false)
  .addOption(portBaseOption())
  .parse()
  .opts<SignInOptions & { deviceCode: boolean; local: boolean; portBase: number }>();

/** As long as Entra keeps a device code. */
const patienceMs = 15 * 60_000;

const done = (text: string): void => say(`${pc.green('✓')} ${text}`);

async function byRedirect(endpoint: DelegatedUserEndpoint): Promise<UserTokens> {
  const redirect = await listenForRedirect();
  try {
    const signIn = redirectSignIn(endpoint, azureDevOpsScope, redirect.uri);
    say('Open this address in a browser on this machine and sign in as the service user:\n');
    say(`  ${signIn.url}\n`);
    return await signIn.redeem(await redirect.visit((query) => signIn.isMine(query), AbortSignal.timeout(patienceMs)));
  } finally {
    redirect.close();
  }
}

const byDeviceCode = (endpoint: DelegatedUserEndpoint): Promise<UserTokens> =>
  deviceCodeSignIn(endpoint, azureDevOpsScope, {
    onPrompt: ({ verificationUri, userCode, expiresInMs }) => {
      say(`Open ${verificationUri} in any browser, enter ${pc.bold(userCode)} within ${expiresInMs / 60_000} min,`);
      say('and sign in as the service user.\n');
    },
  });

/** A user whom an organisation does not take is not stored; one that could not be tried is. */
async function tryOut(organisationUrl: string, { accessToken: token }: UserTokens): Promise<void> {
  const tokens = { getToken: () => Promise.resolve({ token, expiresAt: Number.POSITIVE_INFINITY }) };
  try {
    const credential = { kind: 'bearer', tokens } as const;
    const { value } = await azureDevOpsPersonalTokens({ organisationUrl, credential }).list();
    done(`${organisationUrl} takes it; the user has ${value.length} active token(s) there.`);
  } catch (error) {
    if (hasErrorKind(error, 'unauthorized', 'forbidden')) {
      throw new Complaint(
        `${organisationUrl} does not take this user. Add it to the organisation with access level Basic, and sign in ` +
          'as that user. Nothing was stored.',
      );
    }
    say(pc.yellow(`${organisationUrl} could not be asked (${errorKind(error)}); the sign-in is stored all the same.`));
  }
}

async function signIn(target: SignInTarget, env: NodeJS.ProcessEnv): Promise<void> {
  const { tenantId, clientId, vaultUrl, secretName } = target;
  const vault = tokenVault({ vaultUrl, tokens: vaultTokensOf(env) });
  // Before anybody is asked to sign in. A secret that is disabled may be replaced.
  await vault.listVersions(secretName);
  done(`The vault ${vaultUrl} can be read.`);
  const authority = env['MAYFLY_ENTRA_URL'];
  const endpoint = delegatedUserEndpoint({ tenantId, clientId, ...(authority && { authority }) });
  const tokens = await (options.deviceCode ? byDeviceCode(endpoint) : byRedirect(endpoint));
  done(`Signed in as ${tokens.user ?? 'a user whose name Entra did not tell'}.`);
  for (const url of target.organisationUrls) await tryOut(url, tokens);
  const { endsAt } = await storeSignIn(vault, secretName, tokens);
  done(`Stored as ${secretName}. Unused it would end on ${new Date(endsAt).toISOString().slice(0, 10)};`);
  say('  Mayfly uses it at least once a week, and warns from 30 days before its end.');
}

/** In words a person can act on. What nobody foresaw keeps its stack, but not the values of an error of an SDK. */
function complain(error: unknown): void {
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  const foreseen = error instanceof Complaint || error instanceof ConfigError || error instanceof UpstreamError;
  const text = error instanceof Error ? (foreseen ? error.message : (error.stack ?? error.name)) : 'no error';
  process.stderr.write(`${pc.red(late ? 'Nobody signed in within 15 min. Begin anew.' : text)}\n`);
}

// A package below azure-devops-node-api uses url.parse(); nobody who reads this can do anything about it.
process.noDeprecation = true;
let code = 1;
try {
  // The Entra SDK reads the address of the identity from the environment itself.
  if (options.local) Object.assign(process.env, localSettings(portsFrom(options.portBase)));
  await signIn(await signInTarget(options, process.env), process.env);
  code = 0;
} catch (error) {
  complain(error);
}
// Kept connections would hold the process for as long as the servers keep them.
process.stdout.write('', () => process.exit(code));
