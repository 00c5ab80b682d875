/** All triggers of an app but those that HTTP carries: made from what the app registered, started, starved and stopped together. */
import type { WorldClock } from '../world/clock.ts';
import type { Registration } from './core.ts';
import { DispatchGate } from './dispatchGate.ts';
import type { HostOptions } from './hostJson.ts';
import type { Invocations, LogSink, TypedData } from './invocations.ts';
import { triggerOf } from './invocations.ts';
import { scheduleOf } from './schedule.ts';
import { ServiceBusListener } from './serviceBusListener.ts';
import type { Settings } from './settings.ts';
import { connectionString, resolveSettings } from './settings.ts';
import type { ScheduleStore } from './timers.ts';
import { TimerListener } from './timers.ts';

export interface TriggerParts {
  readonly functions: readonly Registration[];
  readonly settings: Settings;
  readonly options: HostOptions;
  readonly standIn: string | undefined;
  readonly schedules: ScheduleStore;
  readonly clock: WorldClock;
  readonly invocations: Invocations;
  readonly log: LogSink;
}

export class Triggers {
  readonly gate: DispatchGate;
  readonly #parts: TriggerParts;
  readonly #timers = new Map<Registration, TimerListener>();
  readonly #listeners: ServiceBusListener[] = [];

  constructor(parts: TriggerParts) {
    this.#parts = parts;
    this.gate = new DispatchGate(parts.clock);
    for (const registration of parts.functions) this.#add(registration);
  }

  start(): void {
    for (const listener of this.#listeners) listener.start();
    for (const timer of this.#timers.values()) void timer.start();
  }

  async pause(): Promise<void> {
    for (const timer of this.#timers.values()) timer.stop();
    await Promise.all(this.#listeners.map((listener) => listener.pause()));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#listeners.map((listener) => listener.close()));
  }

  loseLocks(): void {
    for (const listener of this.#listeners) listener.loseLocks();
  }

  adminInput(registration: Registration, input: string): TypedData {
    const timer = this.#timers.get(registration);
    return timer === undefined ? { string: input } : { json: timer.input(false) };
  }

  #add(registration: Registration): void {
    const { type } = triggerOf(registration);
    if (type === 'timerTrigger') this.#addTimer(registration);
    else if (type === 'serviceBusTrigger') this.#addListener(registration);
    else if (type !== 'httpTrigger' && type !== 'eventGridTrigger') {
      const text = `A ${type} is not modelled by this stand-in: ${registration.metadata.name} runs only through the admin API.`;
      this.#parts.log(registration.metadata.name, 'warning', text);
    }
  }

  #addTimer(registration: Registration): void {
    const { options } = triggerOf(registration);
    const { clock, schedules, settings, invocations } = this.#parts;
    const timer = new TimerListener(
      {
        name: registration.metadata.name,
        schedule: scheduleOf(resolveSettings(String(options['schedule']), settings)),
        runOnStartup: options['runOnStartup'] === true,
        useMonitor: options['useMonitor'] !== false,
      },
      clock,
      schedules,
      async (input) => {
        await this.gate.pass();
        await invocations.run(registration, { reason: 'timer', input: { json: input } });
      },
    );
    this.#timers.set(registration, timer);
  }

  #addListener(registration: Registration): void {
    const { options } = triggerOf(registration);
    const { name } = registration.metadata;
    const { settings, standIn, invocations, log } = this.#parts;
    if (typeof options['queueName'] !== 'string')
      throw new Error(`${name}: only queues are modelled by this stand-in, no topics.`);
    if (options['cardinality'] === 'many')
      throw new Error(`${name}: cardinality many is not modelled by this stand-in.`);
    const { serviceBus } = this.#parts.options;
    const autoComplete =
      typeof options['autoCompleteMessages'] === 'boolean'
        ? options['autoCompleteMessages']
        : serviceBus.autoCompleteMessages;
    const trigger = {
      queueName: resolveSettings(options['queueName'], settings),
      connectionString: connectionString(String(options['connection']), settings, standIn),
      isSessionsEnabled: options['isSessionsEnabled'] === true,
      autoComplete,
      dataType: options['dataType'],
    };
    this.#listeners.push(
      new ServiceBusListener(trigger, {
        options: serviceBus,
        gate: this.gate,
        dispatch: (request) => invocations.run(registration, request),
        log: (level, text) => log(name, level, text),
      }),
    );
  }
}
