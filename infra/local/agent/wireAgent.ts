/**
 * Microsoft's agent and our entrypoint as what runs in a simulated pod: it knows nothing but the files that were
 * mounted and the addresses in them, and speaks to the server over HTTP with its own key.
 */
import { secondsMs } from '../../../shared/domain/instant.ts';
import { agentFilesFolder } from '../../../shared/plan/podPlaces.ts';
import type { Clock } from '../../../shared/ports.ts';
import { count, nameOf } from '../kubernetes/object.ts';
import type { ContainerContext, Workload } from '../kubernetes/podStory.ts';
import { AgentClient } from './client.ts';
import { readCredentials } from './credentials.ts';
import { agentTimes, exitCodes, type ListenerTimes, listenOnce } from './listener.ts';
import { filesIn, isMode, reportedEnvironment } from './mounts.ts';
import { registerInContainer } from './wireRegister.ts';

export interface WireAgentOptions {
  /** From the start of the container to the first call, in ms: two runtimes start and scan the machine. */
  readonly startMs?: () => number;
  readonly times?: Partial<ListenerTimes>;
  /** The machine goes down: agents fall silent without a word and their containers never end. */
  readonly powerOff?: AbortSignal;
  /** Told why an agent ended with 2. */
  readonly onFailure?: (error: unknown) => void;
}

/** The entrypoint hands TERM on so long before the grace ends that a cancelled job can still be reported. */
const reportMs = secondsMs(30);

/** Of the API server. */
const defaultGraceSeconds = 30;

/** Aborted when the entrypoint hands TERM on although a job runs. */
function stopJobOf({ pod, terminated, clock, killed }: ContainerContext): AbortSignal {
  const stop = new AbortController();
  const grace = count(pod, 'spec', 'terminationGracePeriodSeconds') ?? defaultGraceSeconds;
  const afterMs = Math.max(0, secondsMs(grace) - reportMs);
  const begin = (): void => {
    const cancel = clock.after(afterMs, () => stop.abort());
    killed.addEventListener('abort', cancel, { once: true });
  };
  if (terminated.aborted) begin();
  else terminated.addEventListener('abort', begin, { once: true });
  return stop.signal;
}

/** Nobody sleeps on in a dead process, and no timer outlives it. */
function mortal(clock: Clock, dead: AbortSignal): Clock {
  return {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal === undefined ? dead : AbortSignal.any([signal, dead])),
  };
}

async function runAgent(context: ContainerContext, options: WireAgentOptions, dead: AbortSignal): Promise<number> {
  const { terminated } = context;
  const clock = mortal(context.clock, dead);
  await clock.sleep(options.startMs?.() ?? 0);
  if (terminated.aborted) return exitCodes.success;
  const read = readCredentials(filesIn(context, agentFilesFolder));
  const credentials = { ...read, capabilities: { ...reportedEnvironment(context), ...read.capabilities } };
  return listenOnce({
    client: new AgentClient(credentials, nameOf(context.pod), clock, dead),
    clock,
    stop: terminated,
    stopJob: stopJobOf(context),
    times: { ...agentTimes, ...options.times },
    say: (line) => context.print?.(`${new Date(clock.now()).toISOString().slice(0, 19).replace('T', ' ')}Z: ${line}\n`),
  });
}

const silence = (): Promise<never> => new Promise(() => {});

type Process = (context: ContainerContext, dead: AbortSignal) => Promise<number>;

/** Killed, or on a machine without power, a process is silent; what it cannot cope with ends it with 2. */
function mortalProcess({ powerOff, onFailure }: WireAgentOptions, process: Process): Workload['run'] {
  return async (context) => {
    const { killed } = context;
    const dead = powerOff === undefined ? killed : AbortSignal.any([killed, powerOff]);
    try {
      const code = await process(context, dead);
      return dead.aborted ? await silence() : code;
    } catch (error) {
      if (dead.aborted) return silence();
      onFailure?.(error);
      return exitCodes.failed;
    }
  };
}

/** Ends with the agent's exit codes, and in the init container that registers with those of the entrypoint. */
export function wireAgent(options: WireAgentOptions = {}): Required<Workload> {
  return {
    // Other init containers, such as the one that copies the agent, have nothing to do here.
    runInit: mortalProcess(options, async (context, dead) =>
      isMode(context, 'configure') ? registerInContainer(context, options.startMs?.() ?? 0, dead) : exitCodes.success,
    ),
    run: mortalProcess(options, (context, dead) => runAgent(context, options, dead)),
  };
}
