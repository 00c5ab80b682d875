/**
 * The pools of mayfly.yaml as it stands now. A new version of the file is taken up while the process lives; connections
 * are made anew for it, and passes that have begun end with the old ones.
 */

import type { Pools } from './application.ts';
import { type ConfigNews, configFile, configSource } from './config/configSource.ts';
import type { MayflyConfig } from './config/policy.ts';
import { poolPolicies } from './config/poolPolicies.ts';
import { type CredentialSources, poolPartsOf } from './connections.ts';
import { defined } from './domain/defined.ts';
import type { ConfigProblem } from './domain/errors.ts';
import { secondsMs } from './domain/instant.ts';
import { type PoolParts, poolsOver } from './pools.ts';

export interface ConfiguredPools {
  /** Rejects with ConfigError until a good version could be read. */
  pools(): Promise<Pools>;
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
  readonly sources: (config: MayflyConfig) => CredentialSources;
  readonly now: () => number;
  /** Told once of each new version of the file. */
  readonly onNews?: (news: ConfigNews) => void;
}

/** How long a version is used without looking at the file again. */
const intervalMs = secondsMs(15);

export function configuredPools(options: ConfiguredPoolsOptions): ConfiguredPools {
  const { path, settings, now, onNews } = options;
  const read = configFile(path);
  const source = configSource({ name: 'mayfly.yaml', read, settings, now, intervalMs, ...defined({ onNews }) });
  let made: { readonly hash: string; readonly parts: PoolParts; readonly pools: Pools } | undefined;
  const current = async () => {
    const { config, hash } = await source.current();
    if (made?.hash !== hash) {
      const parts = poolPartsOf(config, poolPolicies(config), options.sources(config));
      made = { hash, parts, pools: poolsOver(parts) };
    }
    return made;
  };
  return {
    pools: async () => (await current()).pools,
    parts: async () => (await current()).parts,
    config: async () => (await source.current()).config,
    problems: () => source.state().problems,
  };
}
