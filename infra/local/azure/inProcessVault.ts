/** The in-process door to a vault: the TokenVault port straight over the world, with journal and faults. */
import { errorKind } from '../../../shared/domain/errors.ts';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { TokenVault, VaultVersion } from '../../../shared/ports/tokens.ts';
import type { InProcessDoor, InProcessOptions } from '../azureDevOps/inProcessCall.ts';
import { InProcessCalls } from '../azureDevOps/inProcessCall.ts';
import { VaultRefusal } from './vaultRefusal.ts';
import type { SecretVersion } from './vaultSecrets.ts';
import type { VaultWorld } from './vaultWorld.ts';

const keyVaultDoor: InProcessDoor = {
  door: 'keyVault',
  upstream: 'keyVault',
  refusal: (error) => {
    if (!(error instanceof VaultRefusal)) return undefined;
    const { status, code, inner, retryAfterSeconds } = error;
    const retry = retryAfterSeconds === undefined ? {} : { retryAfterMs: secondsMs(retryAfterSeconds) };
    return { status, detail: inner ?? code, ...retry };
  },
};

/** Verbs in journal and faults are the methods of the port, targets the names of secrets. */
export function inProcessTokenVault(world: VaultWorld, options: InProcessOptions): TokenVault {
  const calls = new InProcessCalls(options, keyVaultDoor);
  return {
    readLatest: (name) => {
      const call = { verb: 'readLatest', operation: 'reading the latest version of a token', target: name };
      return orAbsent(
        undefined,
        calls.call(call, () => {
          const version = world.read(name);
          return { ...versionOf(version), value: new Secret(version.value) };
        }),
      );
    },
    listVersions: (name) => {
      const call = { verb: 'listVersions', operation: 'listing the versions of a token', target: name };
      const listed = calls.call(call, (keep) => keep(world.versions(name)).map(versionOf));
      // The time is read only once the answer is there, as late as a Date header can be.
      return orAbsent([], listed.then(newestFirst)).then((value) => ({ value, at: wholeSecond(options.clock.now()) }));
    },
    isDeleted: (name) => {
      const call = { verb: 'isDeleted', operation: 'looking for a deleted token', target: name };
      return orAbsent(
        false,
        calls.call(call, () => world.readDeleted(name) !== undefined),
      );
    },
    store: (name, value, { expiresAt, tags }) => {
      const exp = expiresAt === undefined ? {} : { exp: Math.floor(expiresAt / 1000) };
      const properties = { tags: { ...tags }, attributes: { enabled: true, ...exp } };
      const call = { verb: 'store', operation: 'storing a token', target: name };
      return calls.call(call, () => versionOf(world.set(name, value.reveal(), properties)));
    },
    tag: (name, version, tags) => {
      const call = { verb: 'tag', operation: 'tagging a version of a token', target: name };
      return calls.call(call, () => void world.update(name, version, { tags: { ...tags } }));
    },
  };
}

const newestFirst = (versions: readonly VaultVersion[]): readonly VaultVersion[] =>
  versions.toReversed().toSorted((a, b) => b.createdAt - a.createdAt);

async function orAbsent<T, A>(absent: A, call: Promise<T>): Promise<T | A> {
  try {
    return await call;
  } catch (error) {
    if (errorKind(error) === 'notFound') return absent;
    throw error;
  }
}

const wholeSecond = (at: EpochMs): EpochMs => secondsMs(Math.trunc(at / 1000));

/** The wire knows whole seconds only. */
function versionOf({ version, createdAt, attributes, tags }: SecretVersion): VaultVersion {
  const { exp, enabled } = attributes;
  const expiry = exp === undefined ? {} : { expiresAt: secondsMs(exp) };
  return { version, createdAt: wholeSecond(createdAt), enabled, tags, ...expiry };
}
