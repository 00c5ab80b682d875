/** What the init container of a build runs: it logs in to the registry and fetches the context. */
import type { ClusterBuild } from '../domain/clusterBuild.ts';
import { buildPlaces } from './buildPlaces.ts';

/** One word of a POSIX shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const { work, login, scratch, identity, dockerConfig } = buildPlaces;

/** The resource of Azure DevOps at Entra: its git takes a token of it. */
const azureDevOps = '499b84ac-1321-427f-aa17-267ca6975798';

/** Tokens go by files and standard input, never by arguments, which every process of the pod can read. */
const tokenFunction = [
  'entra() {',
  '  curl -fsS --retry 3 -o "$HOME/answer" \\',
  `    --data-urlencode "client_assertion@${identity}/token" \\`,
  "    --data 'client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer' \\",
  '    --data \'grant_type=client_credentials\' --data-urlencode "client_id=$AZURE_CLIENT_ID" \\',
  '    --data-urlencode "scope=$1/.default" "https://login.microsoftonline.com/$AZURE_TENANT_ID/oauth2/v2.0/token"',
  '  member access_token',
  '}',
  'member() {',
  '  sed -n "s/.*\\"$1\\" *: *\\"\\([^\\"]*\\)\\".*/\\1/p" "$HOME/answer" | tr -d \'\\n\' >"$HOME/$1"',
  '  rm "$HOME/answer"; test -s "$HOME/$1"',
  '}',
];

/** An Azure registry exchanges an Entra token for one of its own (Azure/acr docs, AAD-OAuth.md), the password of the null user. */
function azureLogin(target: string): readonly string[] {
  const registry = target.slice(0, target.indexOf('/'));
  return [
    `registry=${quoted(registry)}`,
    'entra https://containerregistry.azure.net',
    'curl -fsS --retry 3 -o "$HOME/answer" --data \'grant_type=access_token\' --data-urlencode "service=$registry" \\',
    '  --data-urlencode "tenant=$AZURE_TENANT_ID" --data-urlencode "access_token@$HOME/access_token" \\',
    '  "https://$registry/oauth2/exchange"',
    'member refresh_token',
    "auth=$({ printf '00000000-0000-0000-0000-000000000000:'; cat \"$HOME/refresh_token\"; } | base64 | tr -d '\\n')",
    `printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$auth" >${login}/config.json`,
  ];
}

const isAzureRepos = (url: string): boolean => /^https:\/\/(dev\.azure\.com|[\w-]+\.visualstudio\.com)\//.test(url);
const isAzureBlob = (url: string): boolean => /^https:\/\/[\w-]+\.blob\.core\.windows\.net\//.test(url);

function fetchGit(url: string, ref: string, hasIdentity: boolean): readonly string[] {
  const signIn = [
    `entra ${azureDevOps}`,
    'export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader',
    'GIT_CONFIG_VALUE_0="Authorization: Bearer $(cat "$HOME/access_token")"; export GIT_CONFIG_VALUE_0',
  ];
  return [
    ...(hasIdentity && isAzureRepos(url) ? signIn : []),
    `git init -q ${work}/context`,
    ['git', '-C', `${work}/context`, 'fetch', '-q', '--depth=1', '--', quoted(url), quoted(ref)].join(' '),
    `git -C ${work}/context checkout -q FETCH_HEAD`,
  ];
}

function fetchArchive(url: string, hasIdentity: boolean): readonly string[] {
  const unpack = `tar -xz -C ${work}/context`;
  if (!hasIdentity || !isAzureBlob(url)) return [`mkdir ${work}/context`, `curl -fsSL ${quoted(url)} | ${unpack}`];
  return [
    'entra https://storage.azure.com',
    `mkdir ${work}/context`,
    '{ printf \'header = "Authorization: Bearer \'; cat "$HOME/access_token"; printf \'"\\n\'; } >"$HOME/blob"',
    // Blobs take Entra tokens from this version on.
    `curl -fsS -K "$HOME/blob" -H 'x-ms-version: 2021-08-06' ${quoted(url)} | ${unpack}`,
  ];
}

export function prepareScript({ identity: known, context, target, dockerConfig: helpers }: ClusterBuild): string {
  const hasIdentity = known !== undefined;
  const lines = [
    'umask 022',
    ...(hasIdentity ? tokenFunction : []),
    ...(helpers === undefined ? [] : [`cp ${dockerConfig}/config.json ${login}/config.json`]),
    ...(hasIdentity && helpers === undefined ? azureLogin(target) : []),
    ...(context.kind === 'git'
      ? fetchGit(context.url, context.ref, hasIdentity)
      : fetchArchive(context.url, hasIdentity)),
  ];
  // The login is read by the user of the engine, who may be another.
  return [...lines, `rm -rf ${scratch}/*`].join('\n');
}
