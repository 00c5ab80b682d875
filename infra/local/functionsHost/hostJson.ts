/**
 * What of host.json the stand-in heeds. Sources: the documentation of host.json and, for the Service Bus defaults,
 * ServiceBusOptions of Microsoft.Azure.WebJobs.Extensions.ServiceBus 5.x (sdk/servicebus in Azure/azure-sdk-for-net).
 */
import { availableParallelism } from 'node:os';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { timeSpanMs } from './settings.ts';

export interface ServiceBusOptions {
  readonly autoCompleteMessages: boolean;
  readonly maxAutoLockRenewalMs: number;
  readonly maxConcurrentCalls: number;
  readonly maxConcurrentSessions: number;
  /** How long an accepted session may stay empty before the next one gets its turn. */
  readonly sessionIdleMs: number;
}

export interface HostOptions {
  readonly routePrefix: string;
  readonly serviceBus: ServiceBusOptions;
}

/** TryTimeout of the .NET client: the session idle time when host.json names none. */
const tryTimeoutMs = 60_000;

const objectAt = (value: JsonValue | undefined, key: string): JsonObject => {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return isJsonObject(inner) ? inner : {};
};

/** Refuses what the host refuses: a duration that is none, a count below 1, settings of the old major version. */
export function readHostJson(hostJson: JsonObject): HostOptions {
  if (hostJson['version'] !== '2.0') throw new Error('host.json must name "version": "2.0".');
  const extensions = objectAt(hostJson, 'extensions');
  const serviceBus = objectAt(extensions, 'serviceBus');
  const old = ['messageHandlerOptions', 'sessionHandlerOptions', 'batchOptions'].filter((key) => key in serviceBus);
  if (old.length > 0)
    throw new Error(`host.json: extensions.serviceBus.${old[0]} is of extension 4.x; 5.x ignores it.`);
  const prefix = objectAt(extensions, 'http')['routePrefix'];
  return {
    routePrefix: typeof prefix === 'string' ? prefix : 'api',
    serviceBus: {
      autoCompleteMessages: serviceBus['autoCompleteMessages'] !== false,
      maxAutoLockRenewalMs: duration(serviceBus, 'maxAutoLockRenewalDuration', 5 * 60_000),
      maxConcurrentCalls: count(serviceBus, 'maxConcurrentCalls', 16 * availableParallelism()),
      maxConcurrentSessions: count(serviceBus, 'maxConcurrentSessions', 8),
      sessionIdleMs: duration(serviceBus, 'sessionIdleTimeout', tryTimeoutMs),
    },
  };
}

function duration(section: JsonObject, key: string, fallback: number): number {
  const value = section[key];
  if (value === undefined || value === null) return fallback;
  const ms = typeof value === 'string' ? timeSpanMs(value) : undefined;
  if (ms === undefined)
    throw new Error(`host.json: extensions.serviceBus.${key} must be hh:mm:ss; found ${JSON.stringify(value)}.`);
  return ms;
}

function count(section: JsonObject, key: string, fallback: number): number {
  const value = section[key];
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  throw new Error(
    `host.json: extensions.serviceBus.${key} must be a whole number from 1; found ${JSON.stringify(value)}.`,
  );
}
