/**
 * Kubernetes quantities as numbers: "500m" -> 0.5, "2Gi" -> 2147483648, "1e3" -> 1000.
 * Source: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity.
 */
const factors: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** undefined = no quantity. */
export function parseQuantity(text: string): number | undefined {
  const match = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:[eE]([+-]?\d+))?([a-zA-Z]*)$/.exec(text.trim());
  const [, amount = '', exponent, suffix = ''] = match ?? [];
  const isSuffix = Object.hasOwn(factors, suffix) && (exponent === undefined || suffix === '');
  const factor = isSuffix ? factors[suffix] : undefined;
  if (match === null || factor === undefined) return undefined;
  return Number(`${amount}e${exponent ?? 0}`) * factor;
}
