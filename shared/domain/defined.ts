type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined | null> };

/** Without the members that are undefined or null: in the domain an absent member means "has not happened". */
export function defined<T extends object>(fields: T): Defined<T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as Defined<T>;
}
