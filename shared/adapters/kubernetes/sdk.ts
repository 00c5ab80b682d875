/**
 * What we use of @kubernetes/client-node, by name, so that a bundle leaves the rest out. Loaded with import(): the
 * package takes a third of a second to load.
 */
export { createConfiguration, KubeConfig, ServerConfiguration } from '@kubernetes/client-node';
