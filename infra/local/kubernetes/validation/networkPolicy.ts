/** CIDRs and ports of a network policy. */
import { BlockList, isIP } from 'node:net';
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { list, scalar, text } from '../object.ts';
import type { StatusCause } from '../statusError.ts';
import { invalidValue } from './cause.ts';

interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseCidr(cidr: string): Cidr | undefined {
  const [address = '', prefix = '', rest] = cidr.split('/');
  const version = isIP(address);
  const bits = Number(prefix);
  if (version === 0 || rest !== undefined || !/^\d+$/.test(prefix)) return undefined;
  if (bits > (version === 4 ? 32 : 128)) return undefined;
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function isStrictSubset(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || inner.bits <= outer.bits) return false;
  const block = new BlockList();
  block.addSubnet(outer.address, outer.bits, outer.family);
  return block.check(inner.address, inner.family);
}

const cidrRule = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function ipBlockCauses(field: string, block: JsonValue): StatusCause[] {
  const cidr = text(block, 'cidr') ?? '';
  const outer = parseCidr(cidr);
  if (outer === undefined) return [invalidValue(`${field}.cidr`, cidr, cidrRule)];
  return list(block, 'except').flatMap((item, index) => {
    const inner = parseCidr(scalar(item));
    const at = `${field}.except[${index}]`;
    if (inner === undefined) return [invalidValue(at, scalar(item), cidrRule)];
    return isStrictSubset(outer, inner) ? [] : [invalidValue(at, scalar(item), 'must be a strict subset of `cidr`')];
  });
}

function ruleCauses(field: string, rule: JsonValue, peers: 'to' | 'from'): StatusCause[] {
  const ports = list(rule, 'ports').flatMap((port, index) => {
    const number = (port as JsonObject)['port'];
    const wrong = typeof number === 'number' && (number < 1 || number > 65_535);
    return wrong
      ? [invalidValue(`${field}.ports[${index}].port`, number, 'must be between 1 and 65535, inclusive')]
      : [];
  });
  const blocks = list(rule, peers).flatMap((peer, index) => {
    const block = (peer as JsonObject)['ipBlock'];
    return block === undefined ? [] : ipBlockCauses(`${field}.${peers}[${index}].ipBlock`, block);
  });
  return [...ports, ...blocks];
}

export function networkPolicyCauses(policy: JsonObject): StatusCause[] {
  const egress = list(policy, 'spec', 'egress').flatMap((rule, i) => ruleCauses(`spec.egress[${i}]`, rule, 'to'));
  const ingress = list(policy, 'spec', 'ingress').flatMap((rule, i) => ruleCauses(`spec.ingress[${i}]`, rule, 'from'));
  return [...ingress, ...egress];
}
