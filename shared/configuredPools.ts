/**
 * The pools of mayfly.yaml as it stands now. A new version of the file is taken up while the process lives; connections
 * are made anew for it, and passes that have begun end with the old ones.
 */

import { once } from './adapters/retry.ts';
import type { Pools } from './application.ts';
import { type ConfigNews, configFile, configSource } from './config/configSource.ts';
import type { MayflyConfig } from './config/policy.ts';
import { poolPolicies } from './config/poolPolicies.ts';
import { type CredentialSources, poolPartsOf } from './connections.ts';
import { defined } from './domain/defined.ts';
import type { ConfigProblem } from './domain/errors.ts';
import { secondsMs } from './domain/instant.ts';
import type { Images } from './images.ts';
import { type PoolParts, poolsOver } from './pools.ts';
import type { Log } from './ports.ts';
import type { Tokens } from './tokens.ts';
import type { TokenSources } from './tokenTargets.ts';

export interface ConfiguredPools {
  /** Rejects with ConfigError until a good version could be read. */
  pools(): Promise<Pools>;
  /** What the same version says is to be kept alive. */
  tokens(): Promise<Tokens>;
  /** What the same version says is to be rebuilt. */
  images(): Promise<Images>;
  /** What they are made of, for commands that look at one without passing over it. */
  parts(): Promise<PoolParts>;
  /** The same version as a document. */
  config(): Promise<MayflyConfig>;
  /** Of the newest version, where that is not the one in force. */
  problems(): readonly ConfigProblem[];
}

export interface ConfiguredPoolsOptions {
  readonly path: string;
  /** Fill in `${NAME}` in the file. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** Where credentials come from, which may depend on what the file says. */
  readonly sources: (config: MayflyConfig) => TokenSources;
  /** For looks that no invocation asked for. */
  readonly log: Log;
  readonly now: () => number;
  /** Told once of each new version of the file. */
  readonly onNews?: (news: ConfigNews) => void;
}

interface Made {
  readonly hash: string;
  readonly parts: PoolParts;
  readonly pools: Pools;
  readonly tokens: () => Promise<Tokens>;
  readonly images: () => Promise<Images>;
}

/** Loaded by whoever first asks: a hook and a pass over a pool have nothing to do with it. */
async function tokensOf(config: MayflyConfig, sources: TokenSources, log: Log): Promise<Tokens> {
  const [{ tokensOver }, { tokenTargets }] = await Promise.all([import('./tokens.ts'), import('./tokenTargets.ts')]);
  return tokensOver(tokenTargets(config, sources), sources.clock, log);
}

/** The same. */
async function imagesOf(config: MayflyConfig, parts: PoolParts, sources: CredentialSources): Promise<Images> {
  const { imagePartsOf, imagesOver } = await import('./images.ts');
  return imagesOver(imagePartsOf({ config, policies: parts.policies, cluster: parts.cluster, sources }));
}

/** How long a version is used without looking at the file again. */
const intervalMs = secondsMs(15);

export function configuredPools(options: ConfiguredPoolsOptions): ConfiguredPools {
  const { path, settings, now, onNews } = options;
  const read = configFile(path);
  const source = configSource({ name: 'mayfly.yaml', read, settings, now, intervalMs, ...defined({ onNews }) });
  let made: Made | undefined;
  const current = async () => {
    const { config, hash } = await source.current();
    if (made?.hash !== hash) {
      const sources = options.sources(config);
      const parts = poolPartsOf(config, poolPolicies(config), sources);
      const tokens = once(() => tokensOf(config, sources, options.log));
      const images = once(() => imagesOf(config, parts, sources));
      made = { hash, parts, pools: poolsOver(parts), tokens, images };
    }
    return made;
  };
  return {
    pools: async () => (await current()).pools,
    tokens: async () => (await current()).tokens(),
    images: async () => (await current()).images(),
    parts: async () => (await current()).parts,
    config: async () => (await source.current()).config,
    problems: () => source.state().problems,
  };
}
