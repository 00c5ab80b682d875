/** Tells a history as a story: one line per thing that happened, with its virtual time. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { LogFields, LogLevel } from '../../../shared/ports.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';

export class Trace {
  readonly #write: (line: string) => void;
  #now: () => EpochMs = () => 0;
  #startedAt: EpochMs = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  watch(ado: AzureDevOpsWorld, clusters: ReadonlyMap<string, KubernetesWorld>, startedAt: EpochMs): void {
    this.#now = () => ado.now();
    this.#startedAt = startedAt;
    ado.onEvent(({ kind, ...facts }) => this.say(`azure devops  ${kind} ${describe({ ...facts, at: undefined })}`));
    for (const [name, world] of clusters) {
      world.onEvent((event) => {
        const { kind, ...facts } = event;
        this.say(
          `${name.padEnd(13)} ${kind} ${describe({ ...facts, at: undefined, object: undefined, uid: undefined })}`,
        );
      });
    }
  }

  log(plane: string, level: LogLevel, event: string, fields: LogFields): void {
    if (level === 'debug' || event === 'pool.reconciled') return;
    const told = { ...fields, organisation: undefined, correlationId: undefined };
    this.say(`${plane.padEnd(13)} ${event} ${describe(told)}`);
  }

  say(sentence: string): void {
    const elapsed = new Date(this.#now() - this.#startedAt).toISOString().slice(11, 23);
    this.#write(`${elapsed}  ${sentence}`);
  }
}

function describe(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}
