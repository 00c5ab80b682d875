/** Events that others have written, as far as they tell of agents. */
import { z } from 'zod';
import type { EpochMs } from '../../domain/instant.ts';
import type { KubernetesApi } from './api.ts';
import { instant } from './instants.ts';
import { parsed } from './reading.ts';

export interface Place {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** Ours: it decides what is asked, and how old an Event may be. */
  readonly now: EpochMs;
}

export interface Told {
  /** The UID of what it is about. */
  readonly uid: string;
  readonly reason: string;
  readonly message: string;
  /** By the cluster's clock: when it was last said. */
  readonly at: EpochMs;
}

const eventSchema = z.object({
  metadata: z.object({ creationTimestamp: instant }),
  involvedObject: z.object({ uid: z.string().default('') }),
  reason: z.string().default(''),
  message: z.string().default(''),
  lastTimestamp: instant.nullish(),
  eventTime: instant.nullish(),
  series: z.object({ lastObservedTime: instant.nullish() }).nullish(),
});

export async function listEvents({ api, namespace }: Place, fieldSelector: string): Promise<readonly Told[]> {
  const events = await api.list('events', namespace, { fieldSelector });
  return events.map((object) => {
    const { involvedObject, reason, message, ...times } = parsed(eventSchema, 'reading an Event', object);
    return { uid: involvedObject.uid, reason, message, at: timeOf(times) };
  });
}

const timeOf = ({
  series,
  lastTimestamp,
  eventTime,
  metadata,
}: Pick<z.infer<typeof eventSchema>, 'series' | 'lastTimestamp' | 'eventTime' | 'metadata'>): EpochMs =>
  series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp;

/** The last of each object that any is about. */
export function newest(events: readonly Told[]): ReadonlyMap<string, Told> {
  const last = new Map<string, Told>();
  for (const event of events) if (event.at >= (last.get(event.uid)?.at ?? 0)) last.set(event.uid, event);
  return last;
}
