/** How a queue of the broker stand-in is set up; names as in the Service Bus resource, durations in ms. */
export interface QueueSpec {
  readonly name: string;
  readonly requiresSession?: boolean;
  readonly requiresDuplicateDetection?: boolean;
  /** The service takes 20 s to 7 days, default 10 min; tests may go below. */
  readonly duplicateWindowMs?: number;
  /** The service takes 5 s to 5 min, default 1 min; tests may go below. */
  readonly lockMs?: number;
  readonly maxDeliveryCount?: number;
  readonly defaultTtlMs?: number;
  /** Off by default, as in the service: an expired message vanishes. */
  readonly deadLetterOnExpiry?: boolean;
}

export type QueueSettings = Required<QueueSpec>;

const minuteMs = 60_000;

/** The service's own defaults. Source: ARM reference of Microsoft.ServiceBus/namespaces/queues. */
export function queueSettings(spec: QueueSpec): QueueSettings {
  return {
    requiresSession: false,
    requiresDuplicateDetection: false,
    duplicateWindowMs: 10 * minuteMs,
    lockMs: minuteMs,
    maxDeliveryCount: 10,
    defaultTtlMs: Number.POSITIVE_INFINITY,
    deadLetterOnExpiry: false,
    ...spec,
  };
}

/** The dead-letter queue of a queue: no sessions, no expiry. */
export function deadLetterSettings(settings: QueueSettings): QueueSettings {
  return {
    ...settings,
    requiresSession: false,
    requiresDuplicateDetection: false,
    defaultTtlMs: Number.POSITIVE_INFINITY,
  };
}
