/**
 * A pool whose image is rebuilt: control planes and agents of a scaling world, a builder, a registry, and the timers
 * that look after the image, on virtual time.
 */
import type { Temper } from '../../infra/local/simulation/agentInPod.ts';
import { TrialWatch } from '../../infra/local/simulation/trialWatch.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { type ImagePolicy, pinned } from '../../shared/domain/imagePolicy.ts';
import { readImageState } from '../../shared/domain/imageRecords.ts';
import { type ImageField, type ImageState, imageKey, imageShort } from '../../shared/domain/imageState.ts';
import { type EpochMs, hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject } from '../../shared/domain/json.ts';
import type { PoolPolicy } from '../../shared/domain/template.ts';
import type { Build, BuildOrder, ImageBuilder, ImageRegistry, ResolvedImage } from '../../shared/ports/images.ts';
import { nextLookOf, rebuildImages } from '../../shared/reconcile/images/rebuildImages.ts';
import { anImagePolicy } from './images.ts';
import { aTemplate } from './policyBuilders.ts';
import { poolId, ScalingWorld, scalingPolicy } from './scaling.ts';

/** How builds end from here on. */
export type BuildEnd = 'pushes' | 'pushesNothing' | 'fails' | 'hangs';

interface FakeBuild extends Build {
  readonly key: string;
  readonly pushes?: string;
}

const failure = (upstream: 'registry' | 'azureDevOps', kind: 'unavailable' | 'timeout') =>
  new UpstreamError({ upstream, operation: 'asking', kind });

export interface ImagesOptions {
  readonly image?: Partial<ImagePolicy>;
  readonly policy?: Partial<PoolPolicy>;
  /** Control planes, and timers that rebuild. */
  readonly planes?: number;
  readonly startsAt?: EpochMs;
  /** The last one that had its build. */
  readonly week?: string;
  /** What is wrong with pods of an image, by the digit of its digest. */
  readonly broken?: Readonly<Record<string, 'pull' | Temper>>;
}

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** The digit of the digest that the pod runs. */
function digitOf(pod: JsonObject): string {
  const containers = record(pod['spec'])['containers'];
  const image = Array.isArray(containers) ? record(containers[0])['image'] : undefined;
  return typeof image === 'string' ? image.slice(-1) : '';
}

const buildMs = minutesMs(10);

/** An hour before the build of the tenth week is due in Berlin. */
const sunday = Date.UTC(2026, 2, 8, 1);

export class ImagesWorld {
  readonly scaling: ScalingWorld;
  readonly image: ImagePolicy;
  readonly trials: TrialWatch;
  /** Every start that was asked for, by its key. */
  readonly starts: string[] = [];
  readonly builds: FakeBuild[] = [];
  readonly cancelled: string[] = [];
  /** Alarms of images, with what they tell. */
  readonly alarms = new Set<string>();
  end: BuildEnd = 'pushes';
  /** The digits of the digests that builds push, one after the other; the last one for ever. */
  pushes: string[] = ['b', 'c', 'd'];
  /** Replies of starts that are lost, from here on. */
  lostReplies = 0;
  registryIsDown = false;
  readonly registry = new Map<string, ResolvedImage>();

  constructor({
    image = {},
    policy = {},
    planes = 1,
    startsAt = sunday,
    week = '2026-W09',
    broken = {},
  }: ImagesOptions) {
    this.image = anImagePolicy(image);
    const template = aTemplate({
      maxAgents: 10_000,
      capabilities: { docker: '27' },
      image: `${pinned(this.image, { digest: `sha256:${'a'.repeat(64)}` })}`,
      rebuilt: this.image.name,
    });
    const trouble = (pod: JsonObject): 'pull' | Temper | undefined => broken[digitOf(pod)];
    this.scaling = new ScalingWorld({
      policies: [scalingPolicy({ images: [this.image], ...policy }, [template])],
      planes,
      sweepMs: minutesMs(5),
      startsAt,
      story: (pod) => (trouble(pod) === 'pull' ? { pullFailure: { message: 'manifest unknown' } } : {}),
      temper: (pod) => {
        const found = trouble(pod);
        return found === undefined || found === 'pull' ? { kind: 'sound' } : found;
      },
      onReport: ({ plan }) => {
        for (const { reason, subject, detail } of plan.alarms)
          if (reason.startsWith('image')) this.alarms.add(`${reason} ${subject}: ${detail}`);
      },
    });
    this.trials = new TrialWatch(this.scaling.ado);
    this.trials.watch(this.scaling.kubernetes);
    this.write('seen', `week=${week}`);
    this.push('a');
    for (let plane = 0; plane < planes; plane++) void this.#timer(`rebuild-${plane}`);
  }

  get clock() {
    return this.scaling.clock;
  }

  /** Hourly, and when the last look asked for it. */
  async #timer(name: string): Promise<void> {
    const { clock } = this;
    const cluster = this.scaling.clusterFor(name);
    const deps = {
      images: [{ policy: this.image, builder: this.#builder(), places: [{ cluster, poolId }] }],
      registry: this.#registry(),
      clock,
      log: { write: () => undefined },
    };
    for (;;) {
      const reports = await rebuildImages(deps);
      const hour = hoursMs(1) - (clock.now() % hoursMs(1));
      await clock.sleep(Math.min(hour, (nextLookOf(reports) ?? Number.POSITIVE_INFINITY) - clock.now()));
    }
  }

  #registry(): ImageRegistry {
    return {
      resolve: async (reference) => {
        await this.clock.sleep(50);
        if (this.registryIsDown) throw failure('registry', 'unavailable');
        return this.registry.get(reference);
      },
    };
  }

  /** Somebody pushes an image under the tag. */
  push(digit: string): void {
    const found: ResolvedImage = {
      digest: `sha256:${digit.repeat(64)}`,
      agentVersion: '5.279.0',
      createdAt: this.clock.now(),
    };
    this.registry.set(this.image.reference, found);
    this.registry.set(pinned(this.image, found) ?? '', found);
  }

  #builder(): ImageBuilder {
    const slow = async <T>(answer: () => T): Promise<T> => {
      await this.clock.sleep(200);
      return answer();
    };
    return {
      find: (order) => slow(() => this.builds.find(({ key }) => key === order.key)),
      start: (order) => slow(() => this.#start(order)),
      get: (_order, id) => slow(() => this.builds.find((build) => build.id === id)),
      cancel: (_order, id) =>
        slow(() => {
          this.cancelled.push(id);
          this.#change(id, { status: 'canceled' });
        }),
    };
  }

  #start(order: BuildOrder): Build {
    this.starts.push(order.key);
    const build: FakeBuild = { id: String(this.builds.length + 1), key: order.key, status: 'running' };
    this.builds.push(build);
    const end = this.end;
    if (end !== 'hangs') this.clock.after(buildMs, () => this.#finish(build.id, end));
    if (this.lostReplies === 0) return build;
    this.lostReplies -= 1;
    throw failure('azureDevOps', 'timeout');
  }

  #finish(id: string, end: Exclude<BuildEnd, 'hangs'>): void {
    const build = this.builds.find((each) => each.id === id);
    if (build?.status !== 'running') return;
    if (end === 'fails') {
      this.#change(id, { status: 'failed', excerpt: 'error: no space left on device' });
      return;
    }
    const digit = this.pushes.length > 1 ? this.pushes.shift() : this.pushes[0];
    if (end === 'pushes') this.push(digit ?? 'b');
    this.#change(id, { status: 'succeeded' });
  }

  #change(id: string, to: Partial<Build>): void {
    const index = this.builds.findIndex((build) => build.id === id);
    const build = this.builds[index];
    if (build?.status === 'running') this.builds[index] = { ...build, ...to };
  }

  /** What the control map says. */
  async state(): Promise<ImageState> {
    const data = await this.#read();
    return readImageState(data, imageShort(this.image.name)).state;
  }

  async #read(): Promise<Readonly<Record<string, string>>> {
    let data: Readonly<Record<string, string>> | undefined;
    const read = this.scaling
      .clusterFor('reader')
      .getControl(poolId)
      .then((found) => {
        data = found ?? {};
      });
    while (data === undefined) await this.clock.advance(100);
    await read;
    return data;
  }

  /** Somebody writes on the control map. */
  write(field: ImageField, text: string): void {
    this.scaling.say({ [imageKey(imageShort(this.image.name), field)]: text });
  }

  /** One request after the other, as pools see them by day; answers how many. */
  async work(howMany: number, everyMs = minutesMs(5)): Promise<number> {
    for (let request = 0; request < howMany; request++) {
      this.scaling.queue(1, { durationMs: secondsMs(30) });
      await this.clock.advance(everyMs);
    }
    return howMany;
  }
}

/** Placeholders stand. */
export async function anImagesWorld(options: ImagesOptions = {}): Promise<ImagesWorld> {
  const world = new ImagesWorld(options);
  await world.scaling.ready();
  return world;
}
