/** What people do to a token by hand. */
import { tokenTags } from '../../../../shared/domain/token.ts';
import type { Random } from '../../world/random.ts';
import type { TokenInvariants } from './tokenInvariants.ts';
import type { DeedKind } from './tokenScenario.ts';
import type { CopyShelf, PatServer, VaultShelf } from './tokenWorlds.ts';

export interface DeedPlace {
  readonly server: PatServer;
  readonly shelf: VaultShelf;
  readonly copies: CopyShelf;
  readonly random: Random;
  readonly invariants: TokenInvariants;
  readonly scope: string;
  readonly lifetimeMs: number;
}

/** A person tries a PAT before putting it into the vault: it works at once. */
function put({ server, shelf, scope, lifetimeMs }: DeedPlace, isTagged: boolean): void {
  const pat = server.create({ displayName: 'by hand', scope, validTo: server.now() + lifetimeMs }, 0);
  const tags = isTagged ? { [tokenTags.authorization]: pat.authorizationId } : {};
  shelf.store(pat.value, { expiresAt: pat.validTo, tags });
}

function putBroken({ shelf, invariants }: DeedPlace): void {
  invariants.brokenByPerson = `version-${shelf.versions.length + 1}`;
  shelf.store('mistyped', { tags: {} });
}

/** An older version that still works, into the vault or a cluster. */
function putBack(
  { server, shelf, copies, random, invariants }: DeedPlace,
  where: 'vault' | 'untagged' | 'cluster',
): void {
  const older = shelf.versions.slice(1).filter(({ value }) => server.accepts(value));
  if (older.length === 0) return;
  const { value, tags, expiresAt } = random.pick(older);
  if (where === 'cluster') {
    invariants.onEdit(value);
    copies.write(random.pick([...copies.values.keys()]), value, 'person');
  } else {
    const kept = where === 'vault' ? tags : {};
    shelf.store(value, { tags: kept, ...(expiresAt === undefined ? {} : { expiresAt }) });
  }
}

const deeds: Readonly<Record<DeedKind, (place: DeedPlace) => void>> = {
  putsTagged: (place) => put(place, true),
  putsUntagged: (place) => put(place, false),
  putsBroken: putBroken,
  deletes: ({ shelf }) => shelf.remove(),
  recovers: ({ shelf }) => shelf.recover(),
  purges: ({ shelf }) => shelf.purge(),
  suspends: suspend,
  restores: (place) => putBack(place, 'vault'),
  restoresUntagged: (place) => putBack(place, 'untagged'),
  editsCopy: (place) => putBack(place, 'cluster'),
};

function suspend({ server, shelf, invariants }: DeedPlace): void {
  const { latest } = shelf;
  if (latest === undefined) return;
  invariants.onSuspend(latest.value);
  server.suspend(latest.value);
}

export function doDeed(what: DeedKind, place: DeedPlace): void {
  deeds[what](place);
}
