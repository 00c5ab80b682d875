/**
 * The agent as a workload of the simulated kubelet: it reads the files that a real agent reads and acts on the Azure
 * DevOps world directly. TERM is swallowed while a job runs, as our entrypoint does; KILL ends it without a word.
 */
import { z } from 'zod';
import { agentFilesVolume } from '../../../shared/plan/manifest.ts';
import { reportedCapabilities } from '../agent/reported.ts';
import type { AgentMessage, Session } from '../azureDevOps/records.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import { nameOf } from '../kubernetes/object.ts';
import type { ContainerContext, Workload } from '../kubernetes/podStory.ts';
import type { Random } from '../world/random.ts';
import { registerInPod } from './registerInPod.ts';

/** What one agent process does besides working. */
export type Temper =
  | { readonly kind: 'sound' }
  /** Exits before it has a session. */
  | { readonly kind: 'crashesAtStart' }
  /** Runs, but never gets a session. */
  | { readonly kind: 'neverConnects' }
  /** Loses its session once for a while before it settles. */
  | { readonly kind: 'flaps'; readonly offlineMs: number }
  /** Takes the job, fails its first renewal and ends with 0 without running it (azure-pipelines-agent issue 5290). */
  | { readonly kind: 'dropsJob' }
  /** Dies in the middle of its job. */
  | { readonly kind: 'diesMidJob' }
  /** Completes its job and hangs, deaf to TERM; its session may outlast that (azure-pipelines-agent issue 5563). */
  | { readonly kind: 'hangsAfterJob'; readonly onlineMs: number };

export interface AgentBehaviour {
  readonly temper: Temper;
  /** From the start of the container to the session, in ms. */
  readonly connectMs: number;
}

const settingsSchema = z.object({ agentId: z.coerce.number(), agentName: z.string(), poolId: z.coerce.number() });
type Settings = z.infer<typeof settingsSchema>;

/** From the Secret that the control plane wrote, or from what an init container left. */
function filesOf(context: ContainerContext): Readonly<Record<string, string>> {
  return context.scratch.has('.agent')
    ? Object.fromEntries(context.scratch)
    : context.readSecretFiles(agentFilesVolume);
}

function readSettings(context: ContainerContext): { settings: Settings; capabilities: Record<string, string> } {
  const files = filesOf(context);
  const settings = settingsSchema.parse(JSON.parse(files['.agent'] ?? 'null'));
  const lines = (files['.capabilities'] ?? '').split('\n').filter((line) => line.includes('='));
  const capabilities = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  return { settings, capabilities: Object.fromEntries(capabilities) };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Sleeps, or returns false as soon as the process is killed. */
async function survives(context: ContainerContext, ms: number): Promise<boolean> {
  try {
    await context.clock.sleep(ms, context.killed);
    return !context.killed.aborted;
  } catch {
    return false;
  }
}

type Wake = { readonly kind: 'message'; readonly message: AgentMessage } | { readonly kind: 'ended' | 'term' | 'kill' };

function nextWake(world: AzureDevOpsWorld, session: Session, context: ContainerContext): Promise<Wake> {
  return Promise.race<Wake>([
    new Promise((resolve) => {
      world.onMessage(session.id, (message) => resolve({ kind: 'message', message }));
    }),
    new Promise((resolve) => {
      world.onSessionEnd(session.id, () => resolve({ kind: 'ended' }));
    }),
    aborted(context.terminated).then((): Wake => ({ kind: 'term' })),
    aborted(context.killed).then((): Wake => ({ kind: 'kill' })),
  ]);
}

async function hang(
  world: AzureDevOpsWorld,
  session: Session,
  context: ContainerContext,
  onlineMs: number,
): Promise<number> {
  await context.clock.sleep(onlineMs, context.killed).catch(() => undefined);
  world.closeSession(session.id);
  await aborted(context.killed);
  return 137;
}

/** Works on one job message; the exit code of the process. */
async function work(
  world: AzureDevOpsWorld,
  session: Session,
  message: Extract<AgentMessage, { readonly messageType: 'PipelineAgentJobRequest' }>,
  context: ContainerContext,
  temper: Temper,
): Promise<number> {
  world.deleteMessage(session.id, message.messageId);
  let cancelled = false;
  world.onMessage(session.id, (later) => {
    cancelled ||= later.messageType === 'JobCancellation';
  });
  if (temper.kind === 'dropsJob') {
    world.closeSession(session.id);
    return 0;
  }
  const step = Math.max(1, message.durationMs / 4);
  for (let part = 0; part < 4 && !cancelled; part++) {
    const dies = temper.kind === 'diesMidJob' && part === 2;
    if (dies || !(await survives(context, step))) {
      world.crash(session.id);
      return 137;
    }
  }
  try {
    world.completeRequest(session.poolId, message.requestId, cancelled ? 'canceled' : 'succeeded', true);
    if (temper.kind === 'hangsAfterJob') return await hang(world, session, context, temper.onlineMs);
    world.closeSession(session.id);
  } catch {
    return 1; // The server gave it up meanwhile.
  }
  return 0;
}

async function listen(
  world: AzureDevOpsWorld,
  session: Session,
  context: ContainerContext,
  temper: Temper,
): Promise<number> {
  const wake = await nextWake(world, session, context);
  switch (wake.kind) {
    case 'message':
      return wake.message.messageType === 'PipelineAgentJobRequest'
        ? work(world, session, wake.message, context, temper)
        : 0;
    case 'term':
      world.closeSession(session.id);
      return 0;
    case 'kill':
      world.crash(session.id);
      return 137;
    case 'ended':
      return 0;
  }
}

async function connect(world: AzureDevOpsWorld, context: ContainerContext): Promise<Session | undefined> {
  const { settings, capabilities } = readSettings(context);
  try {
    const reported = reportedCapabilities(settings.agentName, nameOf(context.pod), capabilities);
    const spec = { ownerName: settings.agentName, capabilities: reported, attached: true };
    return world.openSession(settings.poolId, settings.agentId, spec);
  } catch {
    return undefined; // Deleted, or an old session lives.
  }
}

/** `behaviour` is asked once per container; `onTemper` hears of the agents that will not do as they should. */
export function agentWorkload(
  world: AzureDevOpsWorld,
  behaviour: (context: ContainerContext) => AgentBehaviour,
  onTemper: (agentName: string) => void = () => undefined,
): Workload {
  return {
    runInit: (context) => registerInPod(world, context),
    run: async (context) => {
      const { temper, connectMs } = behaviour(context);
      if (temper.kind !== 'sound') onTemper(readSettings(context).settings.agentName);
      if (!(await survives(context, connectMs))) return 137;
      if (temper.kind === 'crashesAtStart') return 1;
      if (temper.kind === 'neverConnects') {
        await Promise.race([aborted(context.terminated), aborted(context.killed)]);
        return 143;
      }
      const session = await connect(world, context);
      if (session === undefined) return 1;
      return temper.kind === 'flaps'
        ? listenAgain(world, session, context, temper)
        : listen(world, session, context, temper);
    },
  };
}

async function listenAgain(
  world: AzureDevOpsWorld,
  session: Session,
  context: ContainerContext,
  temper: Extract<Temper, { readonly kind: 'flaps' }>,
): Promise<number> {
  world.closeSession(session.id);
  if (!(await survives(context, temper.offlineMs))) return 137;
  const again = await connect(world, context);
  return again === undefined ? 1 : listen(world, again, context, temper);
}

/** Mostly sound agents; `trouble` is the share of the others. */
export function randomBehaviour(random: Random, trouble: number): AgentBehaviour {
  const connectMs = random.between(500, random.chance(0.1) ? 90_000 : 15_000);
  if (!random.chance(trouble)) return { temper: { kind: 'sound' }, connectMs };
  const tempers: readonly Temper[] = [
    { kind: 'crashesAtStart' },
    { kind: 'neverConnects' },
    { kind: 'flaps', offlineMs: random.between(1000, 60_000) },
    { kind: 'dropsJob' },
    { kind: 'diesMidJob' },
    { kind: 'hangsAfterJob', onlineMs: random.chance(0.5) ? 0 : random.between(1000, 1_800_000) },
  ];
  return { temper: random.pick(tempers), connectMs };
}
