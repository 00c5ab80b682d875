import { constants, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt, sign, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { agentKeyOf, rsaAgentKeys } from '../../../../shared/adapters/azureDevOps/agentKeys.ts';
import type { AgentKey } from '../../../../shared/ports.ts';

const lengths = { d: 256, dp: 128, dq: 128, exponent: 3, inverseQ: 128, modulus: 256, p: 128, q: 128 } as const;
type Component = keyof typeof lengths;

const parametersOf = (key: AgentKey): Readonly<Record<Component, string>> => JSON.parse(key.rsaParameters.reveal());
const lengthsOf = (key: AgentKey): Record<string, number> => {
  const parameters = parametersOf(key);
  return Object.fromEntries(
    Object.keys(lengths).map((name) => [name, Buffer.from(parameters[name as Component], 'base64').length]),
  );
};
/** The private key as any reader of the file would build it. */
function imported(key: AgentKey) {
  const file = parametersOf(key);
  const url = (text: string): string => Buffer.from(text, 'base64').toString('base64url');
  const { d, dp, dq, inverseQ, exponent, modulus, p, q } = file;
  const parts = { n: modulus, e: exponent, d, p, q, dp, dq, qi: inverseQ };
  const encoded = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, url(value)]));
  return createPrivateKey({ key: { kty: 'RSA', ...encoded }, format: 'jwk' });
}

describe('rsaAgentKeys', () => {
  it('makes 30 different keys whose components all have their exact length', async () => {
    const keys = await Promise.all(Array.from({ length: 30 }, () => rsaAgentKeys().generate()));
    for (const key of keys) expect(lengthsOf(key)).toEqual(lengths);
    // What was padded is still the same number: a reader that drops the zeros again has the very same key.
    const readBack = keys.map((key) => agentKeyOf(imported(key).export({ format: 'jwk' })));
    expect(readBack.map(parametersOf)).toEqual(keys.map(parametersOf));
    expect(new Set(keys.map((key) => key.publicKey.modulus)).size).toBe(30);
    expect(new Set(keys.map((key) => key.publicKey.exponent))).toEqual(new Set(['AQAB']));
  });

  it('makes a key that signs the token requests and decrypts the session key of an agent', async () => {
    const privateKey = imported(await rsaAgentKeys().generate());
    const publicKey = createPublicKey(privateKey);
    const data = Buffer.from('assertion');
    expect(verify('sha256', data, publicKey, sign('sha256', data, privateKey))).toBe(true);
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
    const session = publicEncrypt({ key: publicKey, ...oaep }, Buffer.from('aes'));
    expect(privateDecrypt({ key: privateKey, ...oaep }, session).toString()).toBe('aes');
  });

  it('shows the private half to nobody who prints it', async () => {
    const key = await rsaAgentKeys().generate();
    const { d } = parametersOf(key);
    expect(`${JSON.stringify(key)} ${inspect(key)} ${String(key.rsaParameters)}`).not.toContain(d);
  });

  it('writes the names that the reader of the agent expects', async () => {
    const file = JSON.parse((await rsaAgentKeys().generate()).rsaParameters.reveal());
    expect(Object.keys(file)).toEqual(['ContainerName', 'UseCng', ...Object.keys(lengths)]);
    expect([file.ContainerName, file.UseCng]).toEqual(['', false]);
  });
});

describe('agentKeyOf', () => {
  const bytes = (length: number): string => Buffer.alloc(length, 0x7f).toString('base64url');
  const jwk = (changes: Readonly<Record<string, string>> = {}) => ({
    kty: 'RSA',
    e: 'AQAB',
    n: bytes(256),
    d: bytes(256),
    p: bytes(128),
    q: bytes(128),
    dp: bytes(128),
    dq: bytes(128),
    qi: bytes(128),
    ...changes,
  });

  const short = [
    { name: 'e', component: 'exponent', length: 3 },
    { name: 'n', component: 'modulus', length: 256 },
    { name: 'd', component: 'd', length: 256 },
    { name: 'p', component: 'p', length: 128 },
    { name: 'q', component: 'q', length: 128 },
    { name: 'dp', component: 'dp', length: 128 },
    { name: 'dq', component: 'dq', length: 128 },
    { name: 'qi', component: 'inverseQ', length: 128 },
  ] as const;
  it.each(short)('pads a short $name on the left', ({ name, component, length }) => {
    const key = agentKeyOf(jwk({ [name]: bytes(length - 2) }));
    const want = Buffer.concat([Buffer.alloc(2), Buffer.alloc(length - 2, 0x7f)]).toString('base64');
    expect(parametersOf(key)[component]).toBe(want);
    expect(lengthsOf(key)).toEqual(lengths);
  });

  it('pads all of them at once, to the last byte', () => {
    const parts = Object.fromEntries(short.map(({ name }) => [name, bytes(1)]));
    const key = agentKeyOf(jwk(parts));
    for (const { component, length } of short) {
      const want = Buffer.concat([Buffer.alloc(length - 1), Buffer.alloc(1, 0x7f)]).toString('base64');
      expect(parametersOf(key)[component]).toBe(want);
    }
    expect(key.publicKey).toEqual({
      exponent: parametersOf(key).exponent,
      modulus: parametersOf(key).modulus,
    });
  });

  it.each([
    { name: 'a component is missing', given: { d: '' }, want: /^d has 0 bytes$/ },
    { name: 'a component is too long', given: { p: bytes(129) }, want: /^p has 129 bytes$/ },
  ])('throws where $name, naming it only', ({ given, want }) => {
    expect(() => agentKeyOf(jwk(given))).toThrow(want);
  });
});
