/**
 * Microsoft's agent and our entrypoint as what runs in a simulated pod: it knows nothing but the files that were
 * mounted and the addresses in them, and speaks to the server over HTTP with its own key.
 */
import { secondsMs } from '../../../shared/domain/instant.ts';
import { agentFilesVolume } from '../../../shared/plan/podProtection.ts';
import type { Clock } from '../../../shared/ports.ts';
import { count, nameOf } from '../kubernetes/object.ts';
import type { ContainerContext, Workload } from '../kubernetes/podStory.ts';
import { AgentClient } from './client.ts';
import { readCredentials } from './credentials.ts';
import { agentTimes, exitCodes, type ListenerTimes, listenOnce } from './listener.ts';

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
  const credentials = readCredentials(context.readSecretFiles(agentFilesVolume));
  return listenOnce({
    client: new AgentClient(credentials, nameOf(context.pod), clock, dead),
    clock,
    stop: terminated,
    stopJob: stopJobOf(context),
    times: { ...agentTimes, ...options.times },
  });
}

const silence = (): Promise<never> => new Promise(() => {});

/** Ends with the agent's exit codes; killed, it is silent. */
export function wireAgent(options: WireAgentOptions = {}): Workload {
  return {
    run: async (context) => {
      const { killed } = context;
      const { powerOff } = options;
      const dead = powerOff === undefined ? killed : AbortSignal.any([killed, powerOff]);
      try {
        const code = await runAgent(context, options, dead);
        return dead.aborted ? await silence() : code;
      } catch (error) {
        if (dead.aborted) return silence();
        options.onFailure?.(error);
        return exitCodes.failed;
      }
    },
  };
}
