import { describe, expect, it } from 'vitest';
import { hookKeepMs } from '../../../shared/domain/hookSecret.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import {
  type HookSecrets,
  hookVerifier,
  markOf,
  matches,
  presentedSecrets,
  rereadMs,
} from '../../../shared/hooks/verify.ts';
import { basic } from '../../support/hooks.ts';

const secrets = (current: string, previous?: string): HookSecrets => ({
  current: new Secret(current),
  previous: previous === undefined ? undefined : new Secret(previous),
});

describe('presentedSecrets', () => {
  const rows: { name: string; given: Record<string, string>; want: string[] }[] = [
    { name: 'finds the password of Basic', given: { authorization: basic('s3cret') }, want: ['s3cret'] },
    {
      name: 'ignores the case of the scheme',
      given: { authorization: basic('x').replace('Basic', 'bASIC') },
      want: ['x'],
    },
    { name: 'keeps colons of the password', given: { authorization: basic('a:b:c') }, want: ['a:b:c'] },
    { name: 'reads the password as UTF-8', given: { authorization: basic('grün') }, want: ['grün'] },
    { name: 'finds the header', given: { 'x-mayfly-secret': 's3cret' }, want: ['s3cret'] },
    { name: 'finds both', given: { authorization: basic('one'), 'x-mayfly-secret': 'two' }, want: ['one', 'two'] },
    { name: 'finds no empty password', given: { authorization: basic('') }, want: [] },
    { name: 'finds nothing in Basic without a colon', given: { authorization: `Basic ${btoa('abc')}` }, want: [] },
    { name: 'finds nothing in what is not base64', given: { authorization: 'Basic %%%' }, want: [] },
    { name: 'finds nothing in Bearer', given: { authorization: 'Bearer abc' }, want: [] },
    { name: 'finds nothing without headers', given: {}, want: [] },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(presentedSecrets(new Headers(given))).toEqual(want);
  });
});

describe('matches', () => {
  const rows = [
    { name: 'takes the current secret', given: ['new'], known: secrets('new', 'old'), want: true },
    { name: 'takes the previous secret', given: ['old'], known: secrets('new', 'old'), want: true },
    { name: 'takes the right one of two', given: ['wrong', 'new'], known: secrets('new'), want: true },
    { name: 'refuses another', given: ['newer'], known: secrets('new', 'old'), want: false },
    { name: 'refuses a prefix', given: ['ne'], known: secrets('new'), want: false },
    { name: 'never takes an empty secret', given: [''], known: secrets(''), want: false },
    { name: 'refuses nothing at all', given: [], known: secrets('new'), want: false },
  ];
  it.each(rows)('$name', ({ given, known, want }) => {
    expect(matches(given, known)).toBe(want);
  });
});

describe('hookVerifier', () => {
  function world(initial: HookSecrets | undefined, vault: HookSecrets | undefined) {
    const state = { at: 1_000_000, vault, reads: 0 };
    const verifier = hookVerifier({
      initial,
      read: async () => {
        state.reads += 1;
        if (state.vault === undefined) throw new Error('the vault is out of reach');
        return state.vault;
      },
      now: () => state.at,
    });
    const verify = (password?: string) =>
      verifier.verify(new Headers(password === undefined ? {} : { authorization: basic(password) }));
    return { state, verify };
  }

  it('asks no vault while the secret fits', async () => {
    const { state, verify } = world(secrets('a'), secrets('a'));
    expect([await verify('a'), state.reads]).toEqual(['accepted', 0]);
  });

  it('asks no vault for a caller without a credential', async () => {
    const { state, verify } = world(undefined, secrets('a'));
    expect([await verify(), state.reads]).toEqual(['rejected', 0]);
  });

  it('reads the vault when the settings hold no secret', async () => {
    const { state, verify } = world(undefined, secrets('a'));
    expect([await verify('a'), await verify('a'), state.reads]).toEqual(['accepted', 'accepted', 1]);
  });

  it('accepts a secret that was rotated since, after one look at the vault', async () => {
    const { state, verify } = world(secrets('a'), secrets('b', 'a'));
    expect([await verify('b'), await verify('a'), state.reads]).toEqual(['accepted', 'accepted', 1]);
  });

  it('forgets a secret that is neither current nor previous any more', async () => {
    const { verify } = world(secrets('a'), secrets('c', 'b'));
    expect([await verify('b'), await verify('a')]).toEqual(['accepted', 'rejected']);
  });

  it('asks the vault once however many strangers call', async () => {
    const { state, verify } = world(secrets('a'), secrets('a'));
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => verify('wrong')));
    expect([new Set(verdicts), state.reads]).toEqual([new Set(['rejected']), 1]);
    state.at += rereadMs - 1;
    expect([await verify('wrong'), state.reads]).toEqual(['rejected', 1]);
    state.at += 1;
    expect([await verify('wrong'), state.reads]).toEqual(['rejected', 2]);
  });

  it('rejects nobody while the vault cannot be read', async () => {
    const { state, verify } = world(secrets('a'), undefined);
    expect([await verify('b'), await verify('a')]).toEqual(['unreadable', 'accepted']);
    state.vault = secrets('b');
    state.at += rereadMs;
    expect(await verify('b')).toBe('accepted');
  });

  it('asks again after the clock was set back', async () => {
    const { state, verify } = world(secrets('a'), secrets('a'));
    await verify('wrong');
    state.at -= 3_600_000;
    await verify('wrong');
    expect(state.reads).toBe(2);
  });

  it('looks at the vault again behind a long-lived secret, so that a dropped one is refused at last', async () => {
    const { state, verify } = world(secrets('a'), secrets('b'));
    state.at += hookKeepMs - 1;
    expect([await verify('a'), state.reads]).toEqual(['accepted', 0]);
    state.at += 1;
    expect(await verify('a')).toBe('accepted');
    expect([await verify('a'), state.reads]).toEqual(['rejected', 1]);
  });

  it('keeps what it knows while the vault cannot be read', async () => {
    const { state, verify } = world(secrets('a'), undefined);
    state.at += hookKeepMs;
    await verify('a');
    expect([await verify('a'), state.reads]).toEqual(['accepted', 1]);
  });
});

describe('mark', () => {
  const long = 'a secret of more than two dozen characters';
  const others = [new Secret(`${long}, the former one`)];
  const verifier = hookVerifier({
    initial: { ...secrets(long, 'short'), others },
    read: async () => secrets(long),
    now: () => 0,
  });
  const rows = [
    { name: 'tells a generated secret', given: { authorization: basic(long) }, want: markOf(long) },
    {
      name: 'tells a former one from it',
      given: { authorization: basic(`${long}, the former one`) },
      want: markOf(`${long}, the former one`),
    },
    { name: 'tells nothing of a short one', given: { authorization: basic('short') }, want: undefined },
    { name: 'tells nothing of an unknown one', given: { authorization: basic(`${long}?`) }, want: undefined },
    {
      name: 'tells the accepted one of two',
      given: { authorization: basic('wrong'), 'x-mayfly-secret': long },
      want: markOf(long),
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(verifier.mark(new Headers(given))).toBe(want);
  });

  it('holds nothing of the secret', () => {
    expect(markOf(long)).toMatch(/^[0-9a-f]{12}$/);
    expect(markOf(long)).not.toBe(markOf(`${long}.`));
  });
});
