import type { JsonObject } from '../../../shared/domain/json.ts';
import type { SecretVersion } from './vaultSecrets.ts';

const seconds = (ms: number): number => Math.trunc(ms / 1000);

/** A secret without its value; `versioned` = the id names the version. */
export function item(origin: string, secret: SecretVersion, versioned: boolean): JsonObject {
  const { name, version, contentType, tags, attributes } = secret;
  return {
    id: versioned ? `${origin}/secrets/${name}/${version}` : `${origin}/secrets/${name}`,
    ...(contentType === undefined ? {} : { contentType }),
    tags,
    attributes: {
      ...attributes,
      created: seconds(secret.createdAt),
      updated: seconds(secret.updatedAt),
      recoveryLevel: 'Recoverable+Purgeable',
    },
  };
}

export function bundle(origin: string, secret: SecretVersion): JsonObject {
  return { ...item(origin, secret, true), value: secret.value };
}
