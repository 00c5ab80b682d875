/**
 * What people said of a pool on its control ConfigMap `mayfly-pool-<id>`, and what Mayfly itself remembers there.
 *
 *   paused, paused.<template>      nothing new is created; what runs goes on
 *   drained, drained.<template>    nothing new, and what idles goes
 *   mayfly.generation              the newest configuration that looked after this pool
 *   mayfly.jit                     whether the live probe could register and connect an agent: works, fails
 *   mayfly.absent.<template6>      since when a template has been missing from that configuration
 *   mayfly.image.<image6>.*        what is known of a rebuilt image (imageState.ts)
 */
import { joinImages } from './imageJoin.ts';
import { readImages } from './imageRecords.ts';
import type { ImageState } from './imageState.ts';
import type { EpochMs } from './instant.ts';
import { parseInstant } from './names.ts';

/** What a switch is on for. */
export interface Switch {
  readonly pool: boolean;
  /** Names of templates. */
  readonly templates: ReadonlySet<string>;
}

export interface Control {
  readonly paused: Switch;
  readonly drained: Switch;
  readonly generation?: number;
  /** By the short form of a template's name. */
  readonly absentSince: ReadonlyMap<string, EpochMs>;
  /** What the probe of `doctor` found; absent = it never ran. */
  readonly jit?: JitProbe;
  /** By the short form of an image's name; absent = none is told of. */
  readonly images?: ReadonlyMap<string, ImageState>;
  /** Some cluster has no map of this pool yet. Nobody but Mayfly may create one: Roles go by the names of objects. */
  readonly isMissing: boolean;
  /** Keys whose value is neither yes nor no, each as a sentence. */
  readonly problems: readonly string[];
}

export const jitProbes = ['works', 'fails'] as const;
export type JitProbe = (typeof jitProbes)[number];

export type ControlData = Readonly<Record<string, string>>;

export const generationKey = 'mayfly.generation';
export const jitKey = 'mayfly.jit';
const absentPrefix = 'mayfly.absent.';
export const absentKey = (template6: string): string => `${absentPrefix}${template6}`;

const off: Switch = { pool: false, templates: new Set() };
export const noControl: Control = { paused: off, drained: off, absentSince: new Map(), isMissing: false, problems: [] };

const yes = new Set(['true', 'yes', 'on', '1']);
const no = new Set(['false', 'no', 'off', '0', '']);

function readFlag(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (yes.has(word)) return true;
  return no.has(word) ? false : undefined;
}

/**
 * One switch with its templates. What is neither yes nor no was meant to be something: it counts as `doubt`, which for
 * a pause is yes and for a drain no, because neither of these can do harm.
 */
function readSwitch(data: ControlData, name: 'paused' | 'drained', doubt: boolean, problems: string[]): Switch {
  let pool = false;
  const templates = new Set<string>();
  for (const [key, text] of Object.entries(data)) {
    if (key !== name && !key.startsWith(`${name}.`)) continue;
    const flag = readFlag(text);
    if (flag === undefined) problems.push(`${key} must be true or false; found ${JSON.stringify(text.slice(0, 40))}`);
    if (!(flag ?? doubt)) continue;
    if (key === name) pool = true;
    else templates.add(key.slice(name.length + 1));
  }
  return { pool, templates };
}

/** Total: what cannot be read is told in `problems`. `data` = undefined where there is no map. */
export function readControl(data: ControlData | undefined): Control {
  if (data === undefined) return { ...noControl, isMissing: true };
  const problems: string[] = [];
  const paused = readSwitch(data, 'paused', true, problems);
  const drained = readSwitch(data, 'drained', false, problems);
  const absent = Object.entries(data).flatMap(([key, text]): readonly [string, EpochMs][] => {
    const since = key.startsWith(absentPrefix) ? parseInstant(text) : undefined;
    return since === undefined ? [] : [[key.slice(absentPrefix.length), since]];
  });
  const generation = parseInstant(data[generationKey]);
  const { images, problems: ofImages } = readImages(data);
  problems.push(...ofImages);
  return {
    paused,
    drained,
    absentSince: new Map(absent),
    isMissing: false,
    problems,
    ...(generation === undefined ? {} : { generation }),
    ...probed(jitProbes.filter((probe) => probe === data[jitKey])),
    ...(images.size === 0 ? {} : { images }),
  };
}

const union = (a: Switch, b: Switch): Switch => ({
  pool: a.pool || b.pool,
  templates: new Set([...a.templates, ...b.templates]),
});

/** The maps of several clusters as one: a switch is on where any says so, an absence as young as the youngest. */
export function mergeControls(controls: readonly Control[]): Control {
  const absentSince = new Map<string, EpochMs>();
  for (const control of controls) {
    for (const [key, since] of control.absentSince) absentSince.set(key, Math.max(since, absentSince.get(key) ?? 0));
  }
  const generations = controls.flatMap(({ generation }) => generation ?? []);
  return {
    paused: controls.map(({ paused }) => paused).reduce(union, off),
    drained: controls.map(({ drained }) => drained).reduce(union, off),
    absentSince,
    isMissing: controls.some(({ isMissing }) => isMissing),
    problems: controls.flatMap(({ problems }) => problems),
    ...(generations.length === 0 ? {} : { generation: Math.max(...generations) }),
    ...probed(controls.flatMap(({ jit }) => jit ?? [])),
    ...joinedImages(controls.flatMap(({ images }) => images ?? [])),
  };
}

function joinedImages(all: readonly ReadonlyMap<string, ImageState>[]): Pick<Control, 'images'> {
  if (all.length === 0) return {};
  const entries = Map.groupBy(
    all.flatMap((images) => [...images]),
    ([image6]) => image6,
  );
  return {
    images: new Map([...entries].map(([image6, each]) => [image6, joinImages(each.map(([, state]) => state))])),
  };
}

/** Where the records differ, what failed once is not relied on. */
function probed(probes: readonly JitProbe[]): { readonly jit?: JitProbe } {
  if (probes.length === 0) return {};
  return { jit: probes.includes('fails') ? 'fails' : 'works' };
}

export const isOn = (control: Switch, template: string): boolean => control.pool || control.templates.has(template);
