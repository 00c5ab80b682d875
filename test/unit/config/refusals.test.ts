import { describe, expect, it } from 'vitest';
import {
  aClusterDocument,
  aConfigText,
  anOrganisationDocument,
  aPoolDocument,
  aTemplateDocument,
  problemsOf,
} from '../../support/configText.ts';

const template = (overrides: object): object => ({ templates: [aTemplateDocument(overrides)] });
const pool = (overrides: object): object => ({ pools: [aPoolDocument(overrides)] });
const organisation = (overrides: object): object => ({ organisations: [anOrganisationDocument(overrides)] });
const access = (value: object): object => ({ clusters: [aClusterDocument({ access: value })] });
const vault = { keyVault: { url: 'https://contoso.vault.azure.net' } };

interface Row {
  readonly name: string;
  readonly given: object;
  readonly path: string;
  readonly rule: string;
  readonly found: string;
}

const row = (name: string, given: object, path: string, rule: string, found: string): Row => ({
  name,
  given,
  path,
  rule,
  found,
});

const httpsRule = 'must be an https URL (http on this machine only) without user, query or fragment';
const labelRule = 'must be 1 to 63 of a-z, 0-9 and -, with no - at either end';
const digestRule = 'must carry a digest (@sha256:...) unless allowTags is true';
const sourceRule = 'must have exactly one of keyVaultSecret and environment';

const shapes: readonly Row[] = [
  row(
    'an unknown key near a known one',
    template({ imgae: 'x' }),
    'templates[0].imgae',
    'unknown key, did you mean "image"?',
    'a text of 1 characters',
  ),
  row(
    'an unknown key near none',
    pool({ zzz: 1 }),
    'pools[0].zzz',
    'unknown key, known are organisation, id, name, mode, registration, templates, defaultTemplate, grantedDemands, clusters, maxAgents, foreignAgents, warm, warmMaxAge, limits, runs',
    '1',
  ),
  row(
    'an unknown key of the kind chosen',
    access({ kind: 'aks', server: 'https://a.example', clientID: 'x' }),
    'clusters[0].access.clientID',
    'unknown key, did you mean "clientId"?',
    'a text of 1 characters',
  ),
  row(
    'an installation of five characters',
    { installation: 'test1' },
    'installation',
    'must be four of a-z and 0-9',
    '"test1"',
  ),
  row('an installation that YAML reads as a number', { installation: 1234 }, 'installation', 'must be a text', '1234'),
  row('no organisation', { organisations: [] }, 'organisations', 'must not be empty', 'a list of 0'),
  row(
    'a name with capitals',
    { clusters: [aClusterDocument({ name: 'Primary' })] },
    'clusters[0].name',
    labelRule,
    '"Primary"',
  ),
  row(
    'a missing image',
    { templates: [{ name: 'linux', agentVersion: '5.278.0' }] },
    'templates[0].image',
    'is required',
    'nothing',
  ),
  row('an empty image', template({ image: '' }), 'templates[0].image', 'must not be empty', '""'),
  row(
    'an organisation over plain http',
    organisation({ url: 'http://ado.example/contoso' }),
    'organisations[0].url',
    httpsRule,
    '"http://ado.example/contoso"',
  ),
  row(
    'an address without organisation',
    organisation({ url: 'https://dev.azure.com/' }),
    'organisations[0].url',
    'must name the organisation, as in https://dev.azure.com/contoso',
    '"https://dev.azure.com/"',
  ),
  row(
    'a credential of no known kind',
    organisation({ credential: { kind: 'password' } }),
    'organisations[0].credential.kind',
    'must be one of managedIdentity, pat',
    '"password"',
  ),
  row(
    'a credential from two places',
    { ...organisation({ credential: { kind: 'pat', keyVaultSecret: 'a', environment: 'B' } }), ...vault },
    'organisations[0].credential',
    sourceRule,
    'an object with kind, keyVaultSecret, environment',
  ),
  row(
    'a credential from nowhere',
    organisation({ credential: { kind: 'pat' } }),
    'organisations[0].credential',
    sourceRule,
    'an object with kind',
  ),
  row(
    'a client id that is none',
    organisation({ credential: { kind: 'managedIdentity', clientId: 'me' } }),
    'organisations[0].credential.clientId',
    'must be a GUID such as the client id of an identity',
    'a text of 2 characters',
  ),
  row('no parallel job', organisation({ parallelJobs: 0 }), 'organisations[0].parallelJobs', 'must be above 0', '0'),
  row(
    'a word for parallel jobs',
    organisation({ parallelJobs: 'many' }),
    'organisations[0].parallelJobs',
    'must be auto, unlimited or a whole number above 0',
    '"many"',
  ),
  row(
    'a kubeconfig from two places',
    { ...access({ kind: 'kubeconfig', path: '/k', keyVaultSecret: 'k' }), ...vault },
    'clusters[0].access',
    'must have exactly one of path, keyVaultSecret and environment',
    'an object with kind, path, keyVaultSecret',
  ),
  row(
    'a cluster over plain http',
    access({ kind: 'token', server: 'http://k.example', environment: 'T' }),
    'clusters[0].access.server',
    httpsRule,
    '"http://k.example"',
  ),
  row(
    'a version that is none',
    template({ agentVersion: '5.278' }),
    'templates[0].agentVersion',
    'must be a version such as 5.278.0',
    '"5.278"',
  ),
  row(
    'an operating system unheard of',
    template({ os: 'darwin' }),
    'templates[0].os',
    'must be one of linux, windows',
    '"darwin"',
  ),
  row(
    'a capability name with a space',
    template({ capabilities: { 'a b': 'x' } }),
    'templates[0].capabilities["a b"]',
    'must be a capability name without spaces and =',
    '"x"',
  ),
  row(
    'a capability that the agent sets itself',
    template({ capabilities: { 'agent.version': 'x' } }),
    'templates[0].capabilities["agent.version"]',
    'must not begin with Agent., which the agent sets itself',
    '"x"',
  ),
  row(
    'a capability of two lines',
    template({ capabilities: { a: 'x\ny' } }),
    'templates[0].capabilities.a',
    'must be one line',
    '"x\\ny"',
  ),
  row(
    'a capability that YAML reads as a number',
    template({ capabilities: { node: 22 } }),
    'templates[0].capabilities.node',
    'must be a text',
    '22',
  ),
  row(
    'a granted demand outside the grammar',
    template({ grantedDemands: ['a -like b'] }),
    'templates[0].grantedDemands[0]',
    'must be a demand: name, or name -equals value',
    '"a -like b"',
  ),
  row('a cost of nothing', template({ cost: 0 }), 'templates[0].cost', 'must be above 0', '0'),
  row('no agents allowed', template({ maxAgents: 0 }), 'templates[0].maxAgents', 'must be at least 1', '0'),
  row(
    'a CPU quantity of nothing',
    template({ cpu: '0m' }),
    'templates[0].cpu',
    'must be a CPU quantity such as 500m or 2',
    '"0m"',
  ),
  row(
    'a memory quantity that is none',
    template({ memory: '2 GB' }),
    'templates[0].memory',
    'must be a memory quantity such as 512Mi or 4Gi',
    '"2 GB"',
  ),
  row(
    'a grace too short to report a cancelled job',
    template({ terminationGrace: '30s' }),
    'templates[0].terminationGrace',
    'must be between 45s and 24h',
    '"30s"',
  ),
  row('a pool id beyond 32 bits', pool({ id: 2 ** 31 }), 'pools[0].id', 'must be at most 2147483647', '2147483648'),
  row('a pool without template', pool({ templates: [] }), 'pools[0].templates', 'must not be empty', 'a list of 0'),
  row(
    'a duration without unit',
    pool({ limits: { endGrace: 90 } }),
    'pools[0].limits.endGrace',
    'must be a text',
    '90',
  ),
  row(
    'a duration in days',
    pool({ limits: { boot: { pulling: '1d' } } }),
    'pools[0].limits.boot.pulling',
    'must be a duration such as 90s, 10m or 2h',
    '"1d"',
  ),
  row(
    'a create-by no creation can meet',
    pool({ limits: { createBy: '5s' } }),
    'pools[0].limits.createBy',
    'must be between 30s and 24h',
    '"5s"',
  ),
  row(
    'more creations than a pass may have',
    pool({ limits: { maxCreationsPerPass: 51 } }),
    'pools[0].limits.maxCreationsPerPass',
    'must be at most 50',
    '51',
  ),
  row(
    'a hook secret in the clear',
    { hooks: { secret: 'hunter2' } },
    'hooks.secret',
    'must be an object',
    'a text of 7 characters',
  ),
];

const relations: readonly Row[] = [
  row(
    'the same template twice',
    { templates: [aTemplateDocument(), aTemplateDocument()] },
    'templates[1].name',
    'must not repeat templates[0]',
    '"linux"',
  ),
  row(
    'the same cluster twice',
    { clusters: [aClusterDocument(), aClusterDocument()] },
    'clusters[1].name',
    'must not repeat clusters[0]',
    '"primary"',
  ),
  row(
    'the same organisation under two names',
    {
      organisations: [
        anOrganisationDocument(),
        anOrganisationDocument({ name: 'other', url: 'https://dev.azure.com/Contoso/' }),
      ],
    },
    'organisations[1].url',
    'must not repeat organisations[0]',
    '"https://dev.azure.com/Contoso/"',
  ),
  row(
    'the same pool twice',
    { pools: [aPoolDocument(), aPoolDocument({ name: 'again' })] },
    'pools[1].id',
    'must not repeat pools[0]',
    '1',
  ),
  row(
    'two pools of one name in one organisation',
    { pools: [aPoolDocument(), aPoolDocument({ id: 2 })] },
    'pools[1].name',
    'must not repeat pools[0]',
    '"linux"',
  ),
  row(
    'a pool of an unknown organisation',
    pool({ organisation: 'contso' }),
    'pools[0].organisation',
    'must be one of the organisations, did you mean "contoso"?',
    '"contso"',
  ),
  row(
    'a pool of an unknown template',
    pool({ templates: ['windows-big'] }),
    'pools[0].templates[0]',
    'must be one of the templates, known are linux',
    '"windows-big"',
  ),
  row(
    'a pool in an unknown cluster',
    pool({ clusters: ['primry'] }),
    'pools[0].clusters[0]',
    'must be one of the clusters, did you mean "primary"?',
    '"primry"',
  ),
  row(
    'a template listed twice',
    pool({ templates: ['linux', 'linux'] }),
    'pools[0].templates[1]',
    'must be listed once',
    '"linux"',
  ),
  row(
    'an image without digest',
    template({ image: 'agent:latest' }),
    'templates[0].image',
    digestRule,
    '"agent:latest"',
  ),
  row(
    'an image with a short digest',
    template({ image: 'agent@sha256:abc' }),
    'templates[0].image',
    digestRule,
    '"agent@sha256:abc"',
  ),
  row(
    'an image that is none, tags allowed',
    template({ image: 'my agent', allowTags: true }),
    'templates[0].image',
    'must be an image reference',
    '"my agent"',
  ),
  row(
    'capabilities that differ by case alone',
    template({ capabilities: { Node: '1', node: '2' } }),
    'templates[0].capabilities.node',
    'must differ from the others by more than case',
    '"2"',
  ),
  row(
    'a field of the pod that Kubernetes does not know',
    template({ pod: { toleration: [] } }),
    'templates[0].pod.toleration',
    'must be a field of PodSpec, did you mean "tolerations"?',
    'a list of 0',
  ),
  row(
    'a protected part of the pod',
    template({ pod: { hostNetwork: true } }),
    'templates[0].pod.hostNetwork',
    'is refused: it lifts the pod out of every network policy',
    'true',
  ),
  row(
    'a vault secret without vault',
    organisation({ credential: { kind: 'pat', keyVaultSecret: 'pat' } }),
    'keyVault',
    'is required where a keyVaultSecret is named',
    'nothing',
  ),
];

describe('parseConfig', () => {
  it.each([...shapes, ...relations])('refuses $name', ({ given, path, rule, found }) => {
    expect(problemsOf(aConfigText(given))).toEqual([{ path, rule, found }]);
  });
});
