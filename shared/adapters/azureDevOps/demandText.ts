/** Demands as the wire has them, in the one notation that the domain reads. */
import { z } from 'zod';

/** Long enough to recognise what was sent; the rest of a strange value helps nobody. */
const shownLength = 100;

/** No demand has this form, so that its request alone is skipped and says why. */
const unreadable = (entry: unknown): string => `(unreadable demand) ${JSON.stringify(entry)?.slice(0, shownLength)}`;

const objectSchema = z.object({
  name: z.string().regex(/^\S+$/),
  value: z.string().nullish(),
  source: z.unknown().optional(),
});

/**
 * A request carries its demands as texts. The typed clients describe objects instead: `name`, and for the two kinds
 * that compare a bare `value` without operator. What tells these apart is `source`, which only a minimum version has;
 * where it was dropped the name decides, for the service itself demands Agent.Version and always as a minimum.
 * Source: the Demand classes of the public runner SDK and of azure-devops-node-api 17.0.1.
 */
export function demandText(entry: unknown): string {
  if (typeof entry === 'string') return entry;
  const { success, data } = objectSchema.safeParse(entry);
  if (!success) return unreadable(entry);
  const { name, value, source } = data;
  // Neither comparing kind takes an empty value.
  if (!value) return name;
  const isMinimum = (source !== undefined && source !== null) || name.toLowerCase() === 'agent.version';
  return `${name} -${isMinimum ? 'gtVersion' : 'equals'} ${value}`;
}
