/**
 * The configuration in force. A new version is taken up within the interval; one that cannot be read or has problems
 * never displaces the last good one, it only shows in `state`. Nothing is read before the first `current`.
 */
import { readFile, stat } from 'node:fs/promises';
import { ConfigError, type ConfigProblem } from '../domain/errors.ts';
import { shortHash } from '../domain/hash.ts';
import type { EpochMs } from '../domain/instant.ts';
import { parseConfig, type Settings } from './parseConfig.ts';
import type { MayflyConfig } from './policy.ts';

export interface ConfigText {
  readonly text: string;
  /** Later versions have a larger one: a file's time of change, in ms. */
  readonly generation: number;
}

export type ReadConfigText = () => Promise<ConfigText>;

export interface LoadedConfig {
  readonly config: MayflyConfig;
  /** The document's own, or else the reader's. */
  readonly generation: number;
  readonly hash: string;
  readonly loadedAt: EpochMs;
}

export interface ConfigState {
  /** Absent until a good version was read. */
  readonly loaded?: LoadedConfig;
  /** Of the newest version, where that is not the one in force. */
  readonly problems: readonly ConfigProblem[];
  readonly checkedAt?: EpochMs;
}

export interface ConfigSource {
  /** Throws ConfigError until a first good version could be read; from then on never. */
  current(): Promise<LoadedConfig>;
  state(): ConfigState;
}

export interface ConfigSourceOptions {
  /** Names the text in errors. */
  readonly name: string;
  readonly read: ReadConfigText;
  readonly settings: Settings;
  readonly now: () => EpochMs;
  /** How long a version is used without looking again, in ms. */
  readonly intervalMs: number;
  /** Told once of each new version: that it is in force now, or why it is not. */
  readonly onNews?: (news: ConfigNews) => void;
}

export type ConfigNews =
  | { readonly kind: 'inForce'; readonly loaded: LoadedConfig }
  | {
      readonly kind: 'refused';
      readonly problems: readonly ConfigProblem[];
      readonly inForce: LoadedConfig | undefined;
    };

export function configSource(options: ConfigSourceOptions): ConfigSource {
  let state: ConfigState = { problems: [] };
  let reading: Promise<void> | undefined;

  const load = (text: string, generation: number, hash: string, loadedAt: EpochMs): LoadedConfig => {
    const config = parseConfig(text, options.name, options.settings);
    return { config, generation: config.generation ?? generation, hash, loadedAt };
  };
  const tell = (before: ConfigState): void => {
    const { loaded, problems } = state;
    if (problems.length > 0) {
      const isNews = JSON.stringify(problems) !== JSON.stringify(before.problems);
      if (isNews) options.onNews?.({ kind: 'refused', problems, inForce: loaded });
      return;
    }
    const isNews = loaded !== undefined && (loaded.hash !== before.loaded?.hash || before.problems.length > 0);
    if (isNews) options.onNews?.({ kind: 'inForce', loaded });
  };
  const look = async (): Promise<void> => {
    const before = state;
    const checkedAt = options.now();
    try {
      const { text, generation } = await options.read();
      const hash = shortHash(text, 12);
      const loaded = state.loaded?.hash === hash ? state.loaded : load(text, generation, hash, checkedAt);
      state = { loaded, problems: [], checkedAt };
    } catch (error) {
      state = { ...state, problems: problemsOf(error), checkedAt };
    }
    tell(before);
  };

  return {
    async current() {
      const { loaded, checkedAt } = state;
      const isFresh =
        loaded !== undefined && checkedAt !== undefined && Math.abs(options.now() - checkedAt) < options.intervalMs;
      if (!isFresh) {
        reading ??= look().finally(() => {
          reading = undefined;
        });
        await reading;
      }
      if (state.loaded === undefined) throw new ConfigError(options.name, state.problems);
      return state.loaded;
    },
    state: () => state,
  };
}

function problemsOf(error: unknown): readonly ConfigProblem[] {
  if (error instanceof ConfigError) return error.problems;
  // File system errors name a code; their messages name paths of this machine.
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no text';
  return [{ path: 'the document', rule: 'must be readable', found: code }];
}

/** Reads a file; its time of change orders the versions. */
export function configFile(path: string): ReadConfigText {
  return async () => {
    const text = await readFile(path, 'utf8');
    return { text, generation: Math.trunc((await stat(path)).mtimeMs) };
  };
}
