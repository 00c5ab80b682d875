/** Random hook calls, right and wrong in every way that a header, a body or a size can be. The seed decides. */
import type { Random } from '../../infra/local/world/random.ts';
import { maxBodyBytes } from '../../shared/hooks/parse.ts';
import { basic, hookFixture, hookSecret } from './hooks.ts';

export interface FuzzCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Whether the headers hold the secret. */
  readonly knowsSecret: boolean;
}

export const fuzzStatuses = [200, 202, 401, 503] as const;

const fixtures = ['waiting', 'running', 'completed', 'testButton', 'minimal', 'resourceNone', 'runState'].concat([
  'buildComplete',
  'otherCase',
  'oddState',
  'wrongTypes',
]);
const texts = fixtures.map(hookFixture);
const large = new Uint8Array(maxBodyBytes + 70_000).fill(0x20);
const odd = [
  '',
  'null',
  '0',
  '[]',
  '{}',
  '"x"',
  '{"eventType":',
  '\uFEFF{}',
  '{"eventType":null}',
  '[[[[',
  '-',
  '{"a":1e999}',
];

const latin1 = (random: Random, length: number): string =>
  Array.from({ length }, () =>
    String.fromCharCode(random.pick([random.between(0x21, 0x7e), random.between(0xa1, 0xff)])),
  ).join('');

const junk = (random: Random, length: number): Uint8Array => Uint8Array.from({ length }, () => random.between(0, 255));

function credential(random: Random): Readonly<Record<string, string>> {
  return random.pick<() => Record<string, string>>([
    () => ({ authorization: basic(hookSecret, latin1(random, 5).replaceAll(':', '')) }),
    () => ({ authorization: basic(hookSecret) }),
    () => ({ 'x-mayfly-secret': hookSecret }),
    () => ({ authorization: basic('guess'), 'x-mayfly-secret': hookSecret }),
    () => ({ authorization: basic(latin1(random, 30)) }),
    () => ({ authorization: `Basic ${latin1(random, 20)}` }),
    () => ({ authorization: latin1(random, random.between(0, 40)) }),
    () => ({ 'x-mayfly-secret': `${hookSecret}x` }),
    () => ({ authorization: 'Bearer abc' }),
    () => ({}),
  ])();
}

function otherHeaders(random: Random): Record<string, string> {
  const headers: Record<string, string> = {};
  if (random.chance(0.5)) headers['content-type'] = random.pick(['application/json', 'text/xml', latin1(random, 8)]);
  if (random.chance(0.2)) headers['content-encoding'] = random.pick(['gzip', 'br', 'identity', latin1(random, 4)]);
  if (random.chance(0.2)) headers[`x-${random.between(1, 9)}`] = latin1(random, random.between(0, 200));
  return headers;
}

/** A payload with one byte changed, cut short, or doubled. */
function mutated(random: Random, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const at = random.between(0, bytes.length - 1);
  const kind = random.between(0, 2);
  if (kind === 0) bytes[at] = random.between(0, 255);
  if (kind === 1) return bytes.slice(0, at);
  return kind === 2 ? new Uint8Array([...bytes, ...bytes]) : bytes;
}

function body(random: Random): Uint8Array {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const roll = random.next();
  if (roll < 0.45) return encode(random.pick(texts));
  if (roll < 0.65) return mutated(random, random.pick(texts));
  if (roll < 0.8) return encode(random.pick(odd));
  if (roll < 0.9) return Buffer.from(random.pick(texts), 'utf16le');
  if (roll < 0.995) return junk(random, random.between(0, 300));
  return large;
}

export function fuzzCall(random: Random): FuzzCall {
  const headers = { ...credential(random), ...otherHeaders(random) };
  const knowsSecret =
    headers['x-mayfly-secret'] === hookSecret ||
    Buffer.from((headers['authorization'] ?? '').replace('Basic ', ''), 'base64')
      .toString()
      .endsWith(`:${hookSecret}`);
  return { headers, body: body(random), knowsSecret };
}
