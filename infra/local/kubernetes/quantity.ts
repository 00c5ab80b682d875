/** Resource quantities: "100m", "1.5", "128Mi". */
const pattern = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

export const quantityRule =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** The number; undefined = no quantity. */
export function parseQuantity(quantity: string | number): number | undefined {
  const match = pattern.exec(String(quantity));
  if (match === null) return undefined;
  const [, digits = '', suffix = ''] = match;
  const exponent = /^[eE]([-+]?\d+)$/.exec(suffix);
  const factor = exponent ? 10 ** Number(exponent[1]) : suffixes[suffix];
  const value = Number(digits);
  return factor === undefined || Number.isNaN(value) ? undefined : value * factor;
}

/** A decimal quantity as the server prints one: whole numbers, else in thousandths. */
export function formatQuantity(value: number): string {
  const thousandths = Math.round(value * 1000);
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}
