/** The local Azure DevOps: one organisation with the pools of mayfly.yaml, its HTTP door and its service hooks. */
import type { PoolConfig } from '../../../shared/config/policy.ts';
import { secretHeader } from '../../../shared/hooks/verify.ts';
import type { HookDisorder } from '../azureDevOps/wire/hooks/delivery.ts';
import type { HookEvent } from '../azureDevOps/wire/hooks/payload.ts';
import { fetchPost, type PostHook } from '../azureDevOps/wire/hooks/post.ts';
import { type AzureDevOpsServer, startAzureDevOpsServer } from '../azureDevOps/wire/server.ts';
import { administrator, TokenRegistry } from '../azureDevOps/wire/tokens.ts';
import { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Watched } from '../world/faults.ts';
import type { Random } from '../world/random.ts';

export const organisationName = 'contoso';
export const projectName = 'shop';

/** A notification that was answered, or not (`status` undefined). */
export interface DeliveredHook {
  readonly event: HookEvent;
  readonly status: number | undefined;
}

export interface LocalHooks {
  /** From the event to its delivery, in ms. The real service takes some 9 s. */
  readonly latencyMs: number;
  /** Read at every event: tests change it while the system runs. */
  readonly disorder?: HookDisorder;
}

export interface OrganisationOptions extends Watched {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly port: number;
  readonly pools: readonly Pick<PoolConfig, 'id' | 'name'>[];
  readonly parallelJobs: number;
  readonly hooks: LocalHooks;
}

export interface LocalOrganisation {
  readonly world: AzureDevOpsWorld;
  readonly server: AzureDevOpsServer;
  readonly tokens: TokenRegistry;
  /** The returned function takes the listener back. */
  onHook(listener: (hook: DeliveredHook) => void): () => void;
  /** Subscribes the address to the three job states, as an administrator would. */
  subscribe(url: string, secret: string): void;
}

const jobStates = ['Waiting', 'Running', 'Completed'] as const;

function eventIdOf(body: string): string {
  return /"id"\s*:\s*"([^"]+)"/.exec(body)?.[1] ?? '';
}

export async function startOrganisation(options: OrganisationOptions): Promise<LocalOrganisation> {
  const { clock, random, pools, parallelJobs, hooks, port, journal, faults } = options;
  const world = new AzureDevOpsWorld({ clock, random, parallelJobs });
  for (const { id, name } of pools) world.addPool({ id, name, autoUpdate: false });
  const tokens = new TokenRegistry();
  // For curl; the control plane has an identity of its own.
  tokens.add({ token: 'local-admin', kind: 'pat', identity: { kind: 'user', name: 'admin', rights: administrator } });
  const listeners = new Set<(hook: DeliveredHook) => void>();
  const tell = (body: string, status: number | undefined): void => {
    const id = eventIdOf(body);
    const event = server.hookDelivery.notifications.findLast((notification) => notification.event.id === id)?.event;
    if (event !== undefined) for (const listener of listeners) listener({ event, status });
  };
  const post: PostHook = async (request) => {
    try {
      const response = await fetchPost(request);
      tell(request.body, response.status);
      return response;
    } catch (error) {
      tell(request.body, undefined);
      throw error;
    }
  };
  const server = await startAzureDevOpsServer({
    world,
    clock,
    tokens,
    random,
    port,
    organisation: organisationName,
    hooks: { ...hooks, post },
    ...(journal !== undefined && { journal }),
    ...(faults !== undefined && { faults }),
  });
  return {
    world,
    server,
    tokens,
    onHook: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    subscribe: (url, secret) => {
      const projectId = world.addProject(projectName).id;
      for (const jobStateId of jobStates) {
        server.subscriptions.create(
          {
            resourceVersion: '5.1-preview.1',
            publisherInputs: { projectId, jobStateId },
            consumerInputs: { url, httpHeaders: `${secretHeader}:${secret}`, resourceDetailsToSend: 'minimal' },
          },
          clock.now(),
        );
      }
    },
  };
}
