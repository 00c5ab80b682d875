/**
 * One random history of one token on virtual time: control planes that rotate it, people who meddle, doors that shut, and
 * what must hold at every moment.
 */
import { type Upstream, UpstreamError } from '../../../../shared/domain/errors.ts';
import { hoursMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { formatInstant } from '../../../../shared/domain/names.ts';
import { type TokenPolicy, tokenDisplayName, tokenTags } from '../../../../shared/domain/token.ts';
import type { LogFields } from '../../../../shared/ports.ts';
import { VirtualClock } from '../../world/clock.ts';
import { Faults, Journal } from '../../world/faults.ts';
import { type Random, seededRandom } from '../../world/random.ts';
import { stormyFaults } from '../faultWeather.ts';
import { CallCounter, Mortal } from '../mortal.ts';
import { doDeed } from './tokenDeeds.ts';
import type { DoorOptions } from './tokenDoor.ts';
import type { TokenHistoryOptions, TokenHistoryResult } from './tokenHistoryResult.ts';
import { TokenInvariants } from './tokenInvariants.ts';
import { TokenPlane } from './tokenPlane.ts';
import { clusterPort, personalTokensPort, proofPort, vaultPort } from './tokenPorts.ts';
import { type Deed, drawTokenScenario, type TokenScenario } from './tokenScenario.ts';
import { CopyShelf, copyName, PatServer, VaultShelf } from './tokenWorlds.ts';

export type { TokenHistoryOptions, TokenHistoryResult } from './tokenHistoryResult.ts';

const organisation = 'https://dev.azure.com/contoso';
const name = 'registration';
const scope = 'vso.agentpools_manage';
/** A pass with every call as slow as it may be, and the rebirth of a control plane. */
const passMs = minutesMs(10);

class TokenHistory {
  readonly clock = new VirtualClock();
  readonly startedAt = this.clock.now();
  readonly random: Random;
  readonly scenario: TokenScenario;
  readonly policy: TokenPolicy;
  readonly journal = new Journal(20_000);
  readonly faults = new Faults();
  readonly counter = new CallCounter();
  readonly server: PatServer;
  readonly shelf: VaultShelf;
  readonly copies: CopyShelf;
  readonly invariants: TokenInvariants;
  readonly #options: TokenHistoryOptions;
  #planes: { readonly plane: TokenPlane; readonly mortal: Mortal }[] = [];
  #isOver = false;
  #isCalm = false;
  crashes = 0;
  warnings = 0;
  readonly #warned = new Set<string>();

  constructor(options: TokenHistoryOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    const drawn = drawTokenScenario(options.seed, this.random);
    this.scenario = options.scenario?.(drawn) ?? drawn;
    const { mode, copies, graceMs, lifetimeMs } = this.scenario;
    const about = { installation: 'a1b2', organisation, name, vaultSecret: 'agent-registration', scope };
    this.policy = { ...about, mode, lifetimeMs, graceMs, copies };
    const changed = (): void => this.invariants?.check();
    this.server = new PatServer(this.clock, changed);
    this.shelf = new VaultShelf(this.clock, changed);
    this.copies = new CopyShelf(changed);
    this.server.skewMs = this.scenario.skew.server;
    this.shelf.skewMs = this.scenario.skew.vault;
    this.#furnish();
    const { server, shelf } = this;
    const slackMs = 2 * this.scenario.periodMs + passMs;
    const { faultRate, latencyMs, planes } = this.scenario;
    const staleMs = faultRate > 0 ? minutesMs(4) : 4 * latencyMs + planes;
    const watched = { policy: this.policy, server, shelf, copies: this.copies, slackMs, staleMs };
    this.invariants = new TokenInvariants(watched, () => this.clock.now());
  }

  /** A token that has been in use for a while. */
  #furnish(): void {
    const validTo = this.server.now() + this.scenario.lifetimeMs;
    const displayName = this.scenario.mode === 'rotate' ? tokenDisplayName('a1b2', name, '00000000') : 'by hand';
    const first = this.server.create({ displayName, scope, validTo });
    const tags = {
      ...(this.scenario.mode === 'rotate' ? { [tokenTags.rotation]: '00000000' } : {}),
      [tokenTags.authorization]: first.authorizationId,
      [tokenTags.begins]: formatInstant(first.validFrom),
      [tokenTags.expires]: formatInstant(first.validTo),
    };
    this.shelf.store(first.value, { expiresAt: first.validTo, tags });
    for (const { cluster, secret, key } of this.policy.copies)
      this.copies.write(copyName(cluster, secret, key), first.value);
    this.server.maxLifespanMs = this.scenario.maxLifespanMs;
    this.server.lagMs = this.scenario.lagMs;
  }

  #say(line: string): void {
    this.#options.trace?.(`${new Date(this.clock.now() - this.startedAt).toISOString().slice(11, 23)}  ${line}`);
  }

  #refusal(door: string): UpstreamError | undefined {
    const elapsedMs = this.clock.now() - this.startedAt;
    const outage = this.scenario.outages.find(
      (one) => one.door === door && one.atMs <= elapsedMs && elapsedMs < one.atMs + one.forMs,
    );
    if (outage === undefined) return undefined;
    const upstream: Upstream =
      door === 'keyVault' ? 'keyVault' : door.startsWith('kubernetes') ? 'kubernetes' : 'azureDevOps';
    const retryAfterMs = outage.kind === 'throttled' ? 10_000 : undefined;
    return new UpstreamError({ upstream, operation: 'calling', kind: outage.kind, retryAfterMs });
  }

  #boot(plane: string): void {
    if (this.#isOver) return;
    const { clock, random, journal, faults } = this;
    const mortal = new Mortal(this.counter, this.#options.crash, () => {
      this.crashes += 1;
      this.#say(`${plane} dies`);
      this.#planes = this.#planes.filter((other) => other.mortal !== mortal);
      clock.after(random.between(1000, 60_000), () => this.#boot(plane));
    });
    const latencyMs = (): number => random.between(1, this.scenario.latencyMs);
    const door: DoorOptions = { caller: plane, clock, journal, faults, latencyMs, refusal: (to) => this.#refusal(to) };
    const clusters = [...new Set(this.policy.copies.map(({ cluster }) => cluster))];
    const outside = {
      vault: vaultPort(new Map([[this.policy.vaultSecret, this.shelf]]), door),
      ...(this.scenario.signedIn ? { personalTokens: personalTokensPort(this.server, door) } : {}),
      proof: proofPort(this.server, door),
      clusters: clusters.map((cluster) => clusterPort(cluster, this.copies, door)),
    };
    const tokenPlane = new TokenPlane({
      name: plane,
      policy: this.policy,
      outside,
      mortal,
      clock,
      random,
      skewMs: this.scenario.skew.planes,
      periodMs: this.scenario.periodMs,
      log: { write: (_level, event, fields) => this.#hear(plane, event, fields ?? {}) },
      onReport: () => undefined,
    });
    this.#planes.push({ plane: tokenPlane, mortal });
    tokenPlane.start();
  }

  #hear(plane: string, event: string, fields: LogFields): void {
    if (event === 'token.expiresSoon') this.#onWarning(fields);
    if (event === 'token.reconciled') return;
    const told = Object.entries({ ...fields, token: undefined, organisation: undefined, correlationId: undefined });
    this.#say(
      `${plane} ${event} ${told.map(([key, value]) => (value === undefined ? '' : `${key}=${String(value)}`)).join(' ')}`,
    );
  }

  /** Each once for a version, where nothing kept the tag from being written and nobody looked at the same time. */
  #onWarning({ version, days }: LogFields): void {
    this.warnings += 1;
    const once = `${version} ${days}`;
    const isUndisturbed =
      this.scenario.planes === 1 && this.scenario.faultRate === 0 && this.scenario.outages.length === 0;
    const alone = this.#planes.every(({ plane }) => !plane.hasOverlapped) && this.crashes === 0;
    if (isUndisturbed && alone && this.#warned.has(once)) this.invariants.violations.push(`warned twice: ${once}`);
    this.#warned.add(once);
  }

  #somePlane(): TokenPlane | undefined {
    return this.#planes.length === 0 ? undefined : this.random.pick(this.#planes).plane;
  }

  #askings(): void {
    for (const [number, { atMs, deliveries }] of this.scenario.asked.entries())
      for (const later of deliveries)
        this.clock.after(
          atMs + later,
          () => void this.#somePlane()?.look({ cause: 'asked', askedId: `asking-${number}` }),
        );
  }

  /** The vault tells of each new version, a little later; in short lifespans it also says at once that the end is near. */
  #events(): void {
    this.shelf.onStore = ({ version }) => {
      const tell = (cause: 'newVersion' | 'nearExpiry'): void => {
        this.clock.after(this.random.between(100, 30_000), () => void this.#somePlane()?.look({ cause, version }));
      };
      tell('newVersion');
      if (this.scenario.lifetimeMs <= hoursMs(24 * 30)) tell('nearExpiry');
    };
  }

  /** Between passes: what people do while one is under way, within milliseconds, no order of calls can withstand. */
  #deed(deed: Deed): void {
    const isPut = deed.what.startsWith('puts');
    if (!isPut && this.#planes.some(({ plane }) => plane.active > 0)) {
      if (!this.#isCalm) this.clock.after(1000, () => this.#deed(deed));
      return;
    }
    this.#say(`somebody ${deed.what}`);
    const { server, shelf, copies, random, invariants } = this;
    doDeed(deed.what, { server, shelf, copies, random, invariants, scope, lifetimeMs: this.scenario.lifetimeMs });
  }

  #refuse(refuses: boolean): void {
    this.server.refuses = refuses;
  }

  #troubles(): void {
    const { clock, random, scenario } = this;
    const weather = stormyFaults(this.faults, random, scenario.faultRate);
    const isStormy = scenario.faultRate > 0 || scenario.outages.length > 0;
    this.invariants.stormy = isStormy;
    for (const at of scenario.deaths)
      clock.after(at, () => {
        if (this.#planes.length > 0) random.pick(this.#planes).mortal.die();
      });
    const { refusal } = scenario;
    if (refusal !== undefined) {
      clock.after(refusal.atMs, () => this.#refuse(true));
      clock.after(refusal.atMs + refusal.forMs, () => this.#refuse(false));
    }
    for (const deed of scenario.deeds) clock.after(deed.atMs, () => this.#deed(deed));
    clock.after(scenario.calmAtMs, () => {
      weather.calm();
      this.#isCalm = true;
      if (this.shelf.isDeleted) this.shelf.recover();
      this.invariants.stormy = false;
    });
  }

  /** Where nothing goes wrong nobody rotates unasked, whatever events the rotations raise. */
  #countRotations(): void {
    const { mode, faultRate, outages, deeds, lagMs, maxLifespanMs, asked } = this.scenario;
    const troubles = faultRate + outages.length + deeds.length + lagMs;
    if (mode === 'watch' || troubles > 0 || maxLifespanMs < hoursMs(24)) return;
    // A second delivery rotates too if it comes before the first one's version is stored, a dozen calls later.
    const early = 20 * this.scenario.latencyMs;
    const deliveries = asked.flatMap((one) => one.deliveries.filter((at, index) => index === 0 || at < early)).length;
    const { rotations, violations } = this.invariants;
    // Whoever dies with a PAT in hand leaves its request to the second delivery.
    const most = deliveries + this.crashes;
    if (rotations > most) violations.push(`${rotations} rotations where ${deliveries} were asked for`);
  }

  async run(): Promise<TokenHistoryResult> {
    const { clock, scenario, invariants } = this;
    this.#events();
    this.#troubles();
    this.#askings();
    for (let plane = 0; plane < scenario.planes; plane++)
      clock.after(this.random.between(0, scenario.periodMs), () => this.#boot(`plane-${plane}`));
    // What is left over is an hour old at the latest by then, and every grace is over.
    await clock.advance(scenario.calmAtMs + hoursMs(1) + 2 * scenario.graceMs + 3 * scenario.periodMs + passMs);
    // A rotation that has just fallen due is not cut off in the middle.
    for (let minute = 0; minute < 15 && this.#planes.some(({ plane }) => plane.active > 0); minute++)
      await clock.advance(minutesMs(1));
    this.#isOver = true;
    for (const { mortal } of this.#planes) mortal.alive = false;
    invariants.finish();
    this.#countRotations();
    return {
      seed: scenario.seed,
      violations: invariants.violations,
      rotations: invariants.rotations,
      revoked: invariants.revoked,
      mostLive: invariants.mostLive,
      probes: invariants.probes,
      failedProbes: invariants.failedProbes,
      calls: this.counter.count,
      crashes: this.crashes,
      warnings: this.warnings,
    };
  }
}

export function runTokenHistory(options: TokenHistoryOptions): Promise<TokenHistoryResult> {
  return new TokenHistory(options).run();
}
