/** The way out as tools know it: a proxy and the certificates to trust, each said once for every kind of tool. */
import type { JsonObject } from '../domain/json.ts';
import type { Template, TemplateProxy } from '../domain/template.ts';
import { caFolder, caVolume } from './podPlaces.ts';

interface Variable extends JsonObject {
  readonly name: string;
}

/** The variables of the template's proxy and CA bundle. None holds a password: where there is one, the Secret does. */
export function networkEnv({ proxy, caBundle }: Template): readonly Variable[] {
  return [
    ...(proxy === undefined ? [] : proxyEnv(proxy)),
    ...(caBundle === undefined ? [] : caVariables.map((name) => ({ name, value: `${caFolder}/${caFile}` }))),
  ];
}

export const networkNames = (template: Template): readonly string[] => networkEnv(template).map(({ name }) => name);

/** The agent reads VSTS_HTTP_PROXY where it has no `.proxy`, and no_proxy; tools read small letters or capitals. */
function proxyEnv({ url, bypass, secret }: TemplateProxy): readonly Variable[] {
  const of = (key: string): JsonObject =>
    secret === undefined ? { value: url } : { valueFrom: { secretKeyRef: { name: secret, key } } };
  const around = bypass.join(',');
  return [
    { name: 'VSTS_HTTP_PROXY', value: url },
    ...(secret === undefined
      ? []
      : [
          { name: 'VSTS_HTTP_PROXY_USERNAME', ...of('PROXY_USER') },
          { name: 'VSTS_HTTP_PROXY_PASSWORD', ...of('PROXY_PW') },
        ]),
    ...['http_proxy', 'HTTP_PROXY'].map((name) => ({ name, ...of('HTTP_PROXY') })),
    ...['https_proxy', 'HTTPS_PROXY'].map((name) => ({ name, ...of('HTTPS_PROXY') })),
    ...(around === '' ? [] : ['no_proxy', 'NO_PROXY'].map((name) => ({ name, value: around }))),
  ];
}

const caFile = 'ca.pem';

/**
 * OpenSSL, .NET, Go and curl; Node; Python's requests and pip; git; the AWS tools. SSL_CERT_DIR stays the image's own:
 * .NET and OpenSSL go on trusting what lies there, beside the bundle.
 */
const caVariables = [
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
  'AWS_CA_BUNDLE',
] as const;

export function networkVolumes({ caBundle }: Template): readonly JsonObject[] {
  if (caBundle === undefined) return [];
  const { configMap, key } = caBundle;
  return [{ name: caVolume, configMap: { name: configMap, items: [{ key, path: caFile }] } }];
}

export function networkMounts({ caBundle }: Template): readonly JsonObject[] {
  return caBundle === undefined ? [] : [{ name: caVolume, mountPath: caFolder, readOnly: true }];
}
