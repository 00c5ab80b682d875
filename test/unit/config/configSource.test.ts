import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import { type ConfigText, configFile, configSource } from '../../../shared/config/configSource.ts';
import { ConfigError } from '../../../shared/domain/errors.ts';
import { aConfigText } from '../../support/configText.ts';

const good = (installation: string): string => aConfigText({ installation });

function aSource(first: ConfigText | Error) {
  const clock = new VirtualClock();
  const script = { next: first, reads: 0 };
  const news: string[] = [];
  const source = configSource({
    name: 'mayfly.yaml',
    settings: {},
    now: () => clock.now(),
    intervalMs: 10_000,
    onNews: (item) => {
      const inForce = item.kind === 'inForce' ? item.loaded : item.inForce;
      const paths = item.kind === 'refused' ? item.problems.map(({ path }) => path) : [];
      news.push([item.kind, inForce?.config.installation ?? 'nothing', ...paths].join(' '));
    },
    read: async () => {
      script.reads += 1;
      if (script.next instanceof Error) throw script.next;
      return script.next;
    },
  });
  const installation = async (): Promise<string> => (await source.current()).config.installation;
  return { clock, script, source, installation, news };
}

describe('configSource', () => {
  it('reads nothing before the first call, then once per interval', async () => {
    const { clock, script, installation } = aSource({ text: good('aaaa'), generation: 1 });
    expect(script.reads).toBe(0);
    await Promise.all([installation(), installation()]);
    await clock.advance(9_999);
    await installation();
    expect(script.reads).toBe(1);
    await clock.advance(1);
    await installation();
    expect(script.reads).toBe(2);
  });

  it('takes a new version up', async () => {
    const { clock, script, source, installation } = aSource({ text: good('aaaa'), generation: 1 });
    expect(await installation()).toBe('aaaa');
    script.next = { text: good('bbbb'), generation: 2 };
    await clock.advance(10_000);
    expect(await installation()).toBe('bbbb');
    expect(source.state().loaded).toMatchObject({ generation: 2, loadedAt: clock.now() });
  });

  it('tells once of each version: in force, or refused and what stays', async () => {
    const { clock, script, installation, news } = aSource({ text: 'installation: x', generation: 1 });
    const look = async (text: string): Promise<void> => {
      script.next = { text, generation: 1 };
      await clock.advance(10_000);
      await installation().catch(() => undefined);
    };
    await look('a: [');
    await look('a: [');
    await look(good('aaaa'));
    await look(good('aaaa'));
    await look('a: [');
    await look('a: [');
    await look(good('aaaa'));
    await look(good('bbbb'));
    expect(news).toEqual([
      'refused nothing line 1, column 5',
      'inForce aaaa',
      'refused aaaa line 1, column 5',
      'inForce aaaa',
      'inForce bbbb',
    ]);
  });

  it.each([
    { name: 'has problems', next: { text: 'installation: x', generation: 2 }, path: 'installation' },
    { name: 'is no YAML', next: { text: 'a: [', generation: 2 }, path: 'line 1, column 5' },
    { name: 'cannot be read', next: Object.assign(new Error('/etc/x'), { code: 'ENOENT' }), path: 'the document' },
  ])('keeps the last good version when the next $name, and tells why', async ({ next, path }) => {
    const { clock, script, source, installation } = aSource({ text: good('aaaa'), generation: 1 });
    await installation();
    const { loaded } = source.state();
    script.next = next;
    await clock.advance(10_000);
    expect(await installation()).toBe('aaaa');
    expect(source.state().loaded).toBe(loaded);
    expect(source.state().problems.map((problem) => problem.path)).toContain(path);
    script.next = { text: good('aaaa'), generation: 3 };
    await clock.advance(10_000);
    await installation();
    expect(source.state().problems).toEqual([]);
  });

  it('throws ConfigError at the call while no good version was ever read, and recovers at once', async () => {
    const { script, installation } = aSource({ text: 'installation: x', generation: 1 });
    await expect(installation()).rejects.toThrow(ConfigError);
    script.next = { text: good('aaaa'), generation: 2 };
    expect(await installation()).toBe('aaaa');
  });

  it("prefers the document's own generation", async () => {
    const { source } = aSource({ text: aConfigText({ generation: 42 }), generation: 1 });
    expect((await source.current()).generation).toBe(42);
  });
});

describe('configFile', () => {
  it('reads a file and orders versions by its time of change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mayfly-'));
    try {
      const path = join(folder, 'mayfly.yaml');
      await writeFile(path, 'a: 1');
      await utimes(path, 1000, 1000);
      expect(await configFile(path)()).toEqual({ text: 'a: 1', generation: 1_000_000 });
      await expect(configFile(join(folder, 'none'))()).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
