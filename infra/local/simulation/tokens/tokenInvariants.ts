/**
 * What must hold of tokens at every moment. The worlds call `check` after each change and when a PAT runs out, so what is
 * seen between two checks stands until the second: the probes of that time, one in 100 ms, are counted by it.
 */
import { type EpochMs, hoursMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { isTokenDisplayName, type TokenPolicy, tokenTags, unreferencedMs } from '../../../../shared/domain/token.ts';
import type { CopyShelf, Issued, PatServer, VaultShelf } from './tokenWorlds.ts';

const probeMs = 100;
/** Of the grace: it counts from a look, the last write of which may land a little later. */
const toleranceMs = minutesMs(3);
/** The same where calls are lost: whoever was overtaken may write what is old once more before it is seen. */
const stormyToleranceMs = minutesMs(8);

export interface WatchedToken {
  readonly policy: TokenPolicy;
  readonly server: PatServer;
  readonly shelf: VaultShelf;
  readonly copies: CopyShelf;
  /** Beyond the hour and the grace: the period of the timer, and how long a pass may take. */
  readonly slackMs: number;
  /** From the reading of the vault until a copy is written, at most. */
  readonly staleMs: number;
}

export class TokenInvariants {
  readonly #token: WatchedToken;
  readonly #now: () => EpochMs;
  /** Begun rotations, by the time that passed in calm until then. */
  readonly #begun: number[] = [];
  #checkedAt: EpochMs;
  #isLockedOut = false;
  /** What the vault and the copies have held since the last check, the vault's first. */
  #held: readonly (string | undefined)[] = [];
  /** When the vault's latest version ceased to be it, by value. */
  readonly #latestUntil = new Map<string, EpochMs>();
  /** When the vault or a copy was last seen to hold it, by value. */
  readonly #heldUntil = new Map<string, EpochMs>();
  /** Old tokens that a person wrote into a cluster. */
  readonly #edited = new Set<string>();
  /** Of those, the ones that were there before the latest version was everywhere: nobody could know that they had been. */
  readonly #unseen = new Set<string>();
  /** Taken out of service by a person: who holds them is locked out through no fault of ours. */
  readonly #suspended = new Set<string>();
  /** Calm time ends and begins here: nothing can be revoked while the vault or a cluster is out of reach. */
  #calmMs = 0;
  #isStormy = false;
  #wasStormy = false;
  /** A person stored what does not work; what the vault holds is then not ours to answer for. */
  brokenByPerson: string | undefined;
  violations: string[] = [];
  probes = 0;
  failedProbes = 0;
  revoked = 0;
  mostLive = 0;

  constructor(token: WatchedToken, now: () => EpochMs) {
    this.#token = token;
    this.#now = now;
    this.#checkedAt = now();
    token.server.onCreate = (issued) => {
      if (!this.#isOurs(issued)) return;
      this.#pass();
      this.#begun.push(this.#calmMs);
    };
    token.server.onRevoke = (issued) => this.#onRevoke(issued);
    token.copies.onWrite = (name, value) => this.#onWrite(name, value);
  }

  onEdit(value: string): void {
    this.#edited.add(value);
    if (this.#token.shelf.latest?.tags[tokenTags.proven] === undefined) this.#unseen.add(value);
  }

  onSuspend(value: string): void {
    this.#suspended.add(value);
  }

  set stormy(isStormy: boolean) {
    this.check();
    this.#isStormy = isStormy;
    this.#wasStormy ||= isStormy;
  }

  get rotations(): number {
    return this.#begun.length;
  }

  #isOurs({ displayName }: Issued): boolean {
    const { policy } = this.#token;
    return isTokenDisplayName(policy.installation, policy.name, displayName);
  }

  get live(): number {
    return this.#token.server.list().filter((issued) => this.#isOurs(issued)).length;
  }

  /** Counts the probes since the last check and the calm time. */
  #pass(): void {
    const now = this.#now();
    const probes = Math.floor(now / probeMs) - Math.floor(this.#checkedAt / probeMs);
    this.probes += probes;
    if (this.#isLockedOut) this.failedProbes += probes;
    if (!this.#isStormy && this.#isRevocable()) this.#calmMs += now - this.#checkedAt;
    this.#checkedAt = now;
  }

  check(): void {
    this.#pass();
    const { shelf, copies, server } = this.#token;
    this.#noteHeld();
    const held = [...copies.values].map(([name, value]) => ({ name, value }));
    const { latest } = shelf;
    if (latest !== undefined && latest.version !== this.brokenByPerson)
      held.push({ name: `the vault's ${latest.version}`, value: latest.value });
    const dead = held.filter(({ value }) => !server.accepts(value) && !this.#suspended.has(value));
    if (dead.length > 0 && !this.#isLockedOut)
      this.#violate(`agents cannot register with what ${dead.map(({ name }) => name).join(', ')} holds`);
    this.#isLockedOut = dead.length > 0;
    const recent = this.#recent();
    this.mostLive = Math.max(this.mostLive, this.live);
    if (this.live > 1 + recent) this.#violate(`${this.live} PATs live after ${recent} recent rotations`);
  }

  /** Nothing may end while the latest version does not work, or nobody can say which PAT it holds. */
  #isRevocable(): boolean {
    const { shelf, server } = this.#token;
    const id = shelf.latest?.tags[tokenTags.authorization];
    return server.accepts(shelf.latest?.value) && server.list().some(({ authorizationId }) => authorizationId === id);
  }

  #noteHeld(): void {
    const { shelf, copies } = this.#token;
    const [was] = this.#held;
    if (was !== undefined) this.#latestUntil.set(was, this.#now());
    for (const value of this.#held) if (value !== undefined) this.#heldUntil.set(value, this.#now());
    if (was !== shelf.latest?.value)
      for (const value of copies.values.values()) if (this.#edited.has(value)) this.#unseen.add(value);
    this.#held = [shelf.latest?.value, ...copies.values.values()];
  }

  /** Rotations whose PATs may still live beside the vault's: begun within the hour, the grace and the slack, in calm. */
  #recent(): number {
    const { policy, slackMs } = this.#token;
    const windowMs = hoursMs(1) + policy.graceMs + slackMs;
    return this.#begun.filter((begunAt) => this.#calmMs - begunAt <= windowMs).length;
  }

  /** Never a PAT in hand: what a copy is given is the vault's latest version, or was when it was read just before. */
  #onWrite(name: string, value: string): void {
    const { shelf, staleMs } = this.#token;
    if (shelf.latest?.value === value) return;
    const until = this.#latestUntil.get(value) ?? Number.NEGATIVE_INFINITY;
    if (this.#now() - until > staleMs) this.#violate(`${name} is given what the vault does not hold`);
  }

  #onRevoke(issued: Issued): void {
    this.revoked += 1;
    this.#noteHeld();
    const { shelf, copies, server } = this.#token;
    this.#graceOf(issued);
    const holders = [...copies.values].filter(([, value]) => value === issued.value).map(([name]) => name);
    if (shelf.latest?.value === issued.value) holders.push(`the vault's ${shelf.latest.version}`);
    if (holders.length > 0) this.#violate(`${issued.displayName} revoked while ${holders.join(', ')} holds it`);
    if (!this.#isDiscarded(issued) && !server.accepts(shelf.latest?.value))
      this.#violate(`${issued.displayName} revoked without a live successor`);
  }

  #graceOf({ value, displayName }: Issued): void {
    if (this.#unseen.has(value)) return;
    const heldMs = this.#now() - (this.#heldUntil.get(value) ?? Number.NEGATIVE_INFINITY);
    const graceMs = this.#token.policy.graceMs - (this.#wasStormy ? stormyToleranceMs : toleranceMs);
    if (heldMs < graceMs) this.#violate(`${displayName} revoked ${Math.round(heldMs / 1000)} s after it was last held`);
  }

  /** One that the vault refused to store is ended by whoever made it: nobody has ever held it. */
  #isDiscarded({ value, validFrom }: Issued): boolean {
    return !this.#heldUntil.has(value) && this.#token.server.now() - validFrom < unreferencedMs;
  }

  finish(): void {
    this.check();
    const { shelf, copies, policy } = this.#token;
    if (policy.mode === 'rotate' && this.#recent() === 0 && this.live !== 1)
      this.#violate(`${this.live} PATs live in the end`);
    for (const { cluster, secret, key } of policy.copies) {
      const value = copies.values.get(`${cluster}/${secret}/${key}`);
      if (value !== shelf.latest?.value && shelf.latest?.version !== this.brokenByPerson)
        this.#violate(`${cluster}/${secret}/${key} does not hold the vault's latest version in the end`);
    }
  }

  #violate(sentence: string): void {
    this.violations.push(`at ${new Date(this.#now()).toISOString().slice(11, 23)} ${sentence}`);
  }
}
