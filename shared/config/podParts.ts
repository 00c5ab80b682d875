/** The keys of a template that shape its pod without being Kubernetes' own language. */
import { z } from 'zod';
import { nonEmpty } from './fields.ts';

const namePart = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const domain = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

const isKey = (key: string): boolean => new RegExp(`^(${domain}/)?${namePart}$`).test(key) && key.length <= 317;

/**
 * Names that Kubernetes, its autoscalers or Mayfly go by. The recommended labels (app.kubernetes.io/part-of and others)
 * are for people, but for the one that says who manages the pod.
 */
function isTaken(key: string): boolean {
  const prefix = key.includes('/') ? (key.split('/')[0] ?? '') : '';
  if (prefix === 'app.kubernetes.io') return key === 'app.kubernetes.io/managed-by';
  const isOf = (owner: string): boolean => prefix === owner || prefix.endsWith(`.${owner}`);
  if (['kubernetes.io', 'k8s.io', 'mayfly.dev'].some(isOf)) return true;
  return ['job-name', 'controller-uid', 'karpenter.sh/do-not-disrupt'].includes(key);
}

const metadataKey = z
  .string()
  .refine(isKey, 'must be a Kubernetes name such as team or contoso.example/team')
  .refine((key) => !isTaken(key), "must not be one of Mayfly's or Kubernetes' own names");

const labelValue = z
  .string()
  .regex(
    new RegExp(`^(${namePart})?$`),
    'must be at most 63 of A-Z, a-z, 0-9, -, _ and ., a letter or digit at each end',
  );

function isProxyUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  // An empty user counts too: URL drops it, the tools would not.
  return !text.includes('@') && url.pathname === '/' && url.search === '' && url.hash === '';
}

const bypass = z
  .string()
  .regex(
    /^\.?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$|^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/i,
    'must be a host, a domain such as .contoso.example, an IPv4 address or a range such as 10.0.0.0/8',
  );

const objectName = z
  .string()
  .max(253)
  .regex(new RegExp(`^${domain}$`), 'must be the name of a Kubernetes object');

const proxy = z.strictObject({
  url: z
    .string()
    .refine(isProxyUrl, 'must be a URL such as http://proxy.contoso.example:3128 without user, password and path'),
  bypass: z.array(bypass).default([]).describe('Hosts and domains, with all below them, that need no proxy.'),
  secret: objectName
    .refine((name) => !name.startsWith('mf-'), 'must not begin with mf-: those hold the credentials of agents')
    .exactOptional()
    .describe('A Secret with PROXY_USER, PROXY_PW, HTTP_PROXY and HTTPS_PROXY, where the proxy asks who it is.'),
});

const caBundle = z.strictObject({
  configMap: objectName,
  key: z
    .string()
    .max(253)
    .regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a ConfigMap')
    .default('ca.pem'),
});

export const podParts = {
  inject: z
    .strictObject({ image: nonEmpty.describe('Built from Dockerfile.inject, with a digest.') })
    .exactOptional()
    .describe("The image is the user's own, and this one copies the agent into its pod."),
  proxy: proxy.exactOptional().describe('For the agent and for every tool that reads the usual variables.'),
  caBundle: caBundle
    .exactOptional()
    .describe('A ConfigMap with one PEM file, the public roots and your own, that every tool is to trust.'),
  podLabels: z.record(metadataKey, labelValue).exactOptional().describe('Labels of the pod.'),
  podAnnotations: z.record(metadataKey, z.string()).exactOptional().describe('Annotations of the pod.'),
};
