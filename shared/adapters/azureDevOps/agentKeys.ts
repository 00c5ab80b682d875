/** Key pairs for agents, in the form in which the agent keeps its own (RSAFileKeyManager of azure-pipelines-agent). */
import type { JsonWebKey } from 'node:crypto';
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '../../domain/secret.ts';
import type { AgentKey, AgentKeys } from '../../ports.ts';

/** Of the modulus; what config.sh generates. */
const keyBits = 2048;
const wholeBytes = keyBits / 8;
const halfBytes = wholeBytes / 2;

const generateRsa = promisify(generateKeyPair);

/** Generation runs in the thread pool (about 0.2 s of one core); the event loop goes on meanwhile. */
export function rsaAgentKeys(): AgentKeys {
  return {
    generate: async () => {
      const { privateKey } = await generateRsa('rsa', { modulusLength: keyBits, publicExponent: 0x10001 });
      return agentKeyOf(privateKey.export({ format: 'jwk' }));
    },
  };
}

/**
 * A private JWK as agent key. JWK leaves leading zero bytes out, about one component in 20 keys; Windows imports a key
 * only if each has its exact length. The lower-case names are case-sensitive to the agent's reader.
 */
export function agentKeyOf(jwk: JsonWebKey): AgentKey {
  const exponent = base64(jwk.e, 3, 'e');
  const modulus = base64(jwk.n, wholeBytes, 'n');
  const parameters = {
    ContainerName: '',
    UseCng: false,
    d: base64(jwk.d, wholeBytes, 'd'),
    dp: base64(jwk.dp, halfBytes, 'dp'),
    dq: base64(jwk.dq, halfBytes, 'dq'),
    exponent,
    inverseQ: base64(jwk.qi, halfBytes, 'qi'),
    modulus,
    p: base64(jwk.p, halfBytes, 'p'),
    q: base64(jwk.q, halfBytes, 'q'),
  };
  return { publicKey: { exponent, modulus }, rsaParameters: new Secret(JSON.stringify(parameters)) };
}

/** Standard base64 of exactly `length` bytes, zeros on the left. Errors name the component, never its value. */
function base64(component: string | undefined, length: number, name: string): string {
  const bytes = Buffer.from(component ?? '', 'base64url');
  if (bytes.length === 0 || bytes.length > length) throw new RangeError(`${name} has ${bytes.length} bytes`);
  return Buffer.concat([Buffer.alloc(length - bytes.length), bytes]).toString('base64');
}
