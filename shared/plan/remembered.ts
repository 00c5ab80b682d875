/** A function that answers equal keys alike and thinks once; for answers that are never undefined. */
export function remembered<A, R extends object>(
  keyOf: (argument: A) => string,
  answer: (argument: A) => R,
): (argument: A) => R {
  const known = new Map<string, R>();
  return (argument) => {
    const key = keyOf(argument);
    const found = known.get(key) ?? answer(argument);
    known.set(key, found);
    return found;
  };
}
