/** Refusals of what shapes a template's pod, and of who registers agents. */
import { describe, expect, it } from 'vitest';
import {
  aConfigText,
  anOrganisationDocument,
  aPoolDocument,
  aTemplateDocument,
  problemsOf,
} from '../../support/configText.ts';

interface Row {
  readonly name: string;
  readonly given: object;
  readonly path: string;
  readonly rule: string;
}

const template = (overrides: object): object => ({ templates: [aTemplateDocument(overrides)] });
const row = (name: string, overrides: object, path: string, rule: string): Row => ({
  name,
  given: template(overrides),
  path: `templates[0].${path}`,
  rule,
});

const proxyRule = 'must be a URL such as http://proxy.contoso.example:3128 without user, password and path';
const bypassRule = 'must be a host, a domain such as .contoso.example, an IPv4 address or a range such as 10.0.0.0/8';
const ownRule = "must not be one of Mayfly's or Kubernetes' own names";
const nameRule = 'must be a Kubernetes name such as team or contoso.example/team';
const digestRule = 'must carry a digest (@sha256:...) unless allowTags is true';

const proxies: readonly Row[] = [
  'http://ci:hunter2@proxy.example:3128',
  'http://@proxy.example:3128',
  'socks5://proxy.example',
  'proxy.example:3128',
  'http://proxy.example/path',
  'http://proxy.example?x',
].map((url) => row(`the proxy ${url}`, { proxy: { url } }, 'proxy.url', proxyRule));

const bypasses: readonly Row[] = ['*', '*.contoso.example', 'https://a.example', 'a b', 'a,b', '10.0.0.0/', ''].map(
  (host) =>
    row(
      `going around for "${host}"`,
      { proxy: { url: 'http://p.example', bypass: [host] } },
      'proxy.bypass[0]',
      bypassRule,
    ),
);

const taken: readonly Row[] = [
  'mayfly.dev/pool-id',
  'x.mayfly.dev/y',
  'app.kubernetes.io/managed-by',
  'batch.kubernetes.io/job-name',
  'kubernetes.io/x',
  'cluster-autoscaler.kubernetes.io/safe-to-evict',
  'x.k8s.io/y',
  'job-name',
  'controller-uid',
  'karpenter.sh/do-not-disrupt',
].flatMap((key) =>
  ['podLabels', 'podAnnotations'].map((map) =>
    row(
      `${key} in ${map}`,
      { [map]: { [key]: 'x' } },
      key.includes('/') ? `${map}["${key}"]` : `${map}.${key}`,
      ownRule,
    ),
  ),
);

const others: readonly Row[] = [
  row('a label that is no name', { podLabels: { 'a b': 'x' } }, 'podLabels["a b"]', nameRule),
  row('a label of two prefixes', { podLabels: { 'a/b/c': 'x' } }, 'podLabels["a/b/c"]', nameRule),
  row('an annotation that is a number', { podAnnotations: { a: 1 } }, 'podAnnotations.a', 'must be a text'),
  row(
    'a label value with a blank',
    { podLabels: { team: 'two words' } },
    'podLabels.team',
    'must be at most 63 of A-Z, a-z, 0-9, -, _ and ., a letter or digit at each end',
  ),
  row('an injected image by tag', { inject: { image: 'inject:1' } }, 'inject.image', digestRule),
  row('no injected image', { inject: {} }, 'inject.image', 'is required'),
  row(
    'what is injected on Windows',
    { os: 'windows', inject: { image: `inject@sha256:${'c'.repeat(64)}` } },
    'inject',
    'must not be given where os is windows',
  ),
  row(
    'the Secret of an agent as that of a proxy',
    { proxy: { url: 'http://p.example', secret: 'mf-a' } },
    'proxy.secret',
    'must not begin with mf-: those hold the credentials of agents',
  ),
  row(
    'a bundle of no name',
    { caBundle: { configMap: 'A B' } },
    'caBundle.configMap',
    'must be the name of a Kubernetes object',
  ),
  row(
    'a key with a path',
    { caBundle: { configMap: 'a', key: '../x' } },
    'caBundle.key',
    'must be a key of a ConfigMap',
  ),
];

const clientId = '00000000-0000-0000-0000-0000000000AA';
const identity = (id: string = clientId): object => ({ kind: 'managedIdentity', clientId: id });
const vault = { keyVault: { url: 'https://contoso.vault.azure.net' } };
const shared = (own: object, registering: object, more: object = {}): object => ({
  organisations: [anOrganisationDocument({ credential: own, registration: { credential: registering } })],
  ...more,
});
const sharedRule = 'must not be organisations[0].credential, which may do more than register';
const at = 'organisations[0].registration.credential';

const registrations: readonly Row[] = [
  {
    name: 'a pool whose init containers would have no credential',
    given: { pools: [aPoolDocument({ registration: 'initConfig' })] },
    path: 'pools[0].registration',
    rule: 'must not be initConfig without organisations[0].registration',
  },
  {
    name: 'a registration that is none',
    given: { pools: [aPoolDocument({ registration: 'pod' })] },
    path: 'pools[0].registration',
    rule: 'must be one of auto, jit, initConfig',
  },
  {
    name: 'an identity without client id, which would be that of Mayfly',
    given: shared({ kind: 'managedIdentity' }, { kind: 'managedIdentity' }),
    path: `${at}.clientId`,
    rule: 'is required',
  },
  {
    name: 'the identity that Mayfly signs in with',
    given: shared(identity(), identity(clientId.toLowerCase())),
    path: at,
    rule: sharedRule,
  },
  {
    name: 'the PAT that Mayfly signs in with',
    given: shared({ kind: 'pat', keyVaultSecret: 'Pat' }, { kind: 'pat', keyVaultSecret: 'pat' }, vault),
    path: at,
    rule: sharedRule,
  },
  {
    name: 'the setting that Mayfly signs in with',
    given: shared({ kind: 'pat', environment: 'PAT' }, { kind: 'pat', environment: 'PAT' }),
    path: at,
    rule: sharedRule,
  },
  {
    name: 'the identity that Mayfly signs in with elsewhere',
    given: {
      organisations: [
        anOrganisationDocument({ credential: identity() }),
        anOrganisationDocument({
          name: 'other',
          url: 'https://dev.azure.com/other',
          registration: { credential: identity() },
        }),
      ],
    },
    path: 'organisations[1].registration.credential',
    rule: sharedRule,
  },
  {
    name: 'a secret of no vault',
    given: shared({ kind: 'managedIdentity' }, { kind: 'pat', keyVaultSecret: 'pool' }),
    path: 'keyVault',
    rule: 'is required where a keyVaultSecret is named',
  },
];

const mountsBundle = {
  initContainers: [{ name: 's', image: 'i', volumeMounts: [{ name: 'mayfly-ca', mountPath: '/ca', readOnly: true }] }],
};

describe('parseConfig', () => {
  it.each([...proxies, ...bypasses, ...taken, ...others, ...registrations])(
    'refuses $name',
    ({ given, path, rule }) => {
      expect(problemsOf(aConfigText(given))).toEqual([{ path, rule, found: expect.any(String) }]);
    },
  );

  it("never repeats a proxy's address, which may hold a password", () => {
    const text = aConfigText(template({ proxy: { url: 'http://ci:hunter2@proxy.example:3128' } }));
    expect(JSON.stringify(problemsOf(text))).not.toContain('hunter2');
  });

  it.each([
    { name: 'auto without a credential', given: { pools: [aPoolDocument({ registration: 'auto' })] } },
    {
      name: 'two settings of names that differ by case',
      given: shared({ kind: 'pat', environment: 'PAT' }, { kind: 'pat', environment: 'Pat' }),
    },
    { name: 'an identity of its own', given: shared({ kind: 'managedIdentity' }, identity()) },
    {
      name: 'a mount of the bundle in a sidecar',
      given: template({ caBundle: { configMap: 'roots' }, pod: mountsBundle }),
    },
  ])('takes $name', ({ given }) => {
    expect(problemsOf(aConfigText(given))).toEqual([]);
  });
});
