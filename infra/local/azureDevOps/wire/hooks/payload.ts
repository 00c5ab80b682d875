/**
 * What a job-state event says on the wire. It names project, run, pipeline, stage and job, and nothing of the pool:
 * no pool id, no demands, no request id (liatrio-otel-collector, example-job-event.json).
 */

import { shortHash } from '../../../../../shared/domain/hash.ts';
import type { EpochMs } from '../../../../../shared/domain/instant.ts';
import type { JobState, JobStateEvent } from '../../events.ts';
import { type Inputs, jobStateEventType, type Subscription } from './subscription.ts';

/** A world's event with the id under which every subscription receives it. */
export interface HookEvent extends JobStateEvent {
  readonly id: string;
}

type Json = Readonly<Record<string, unknown>>;

const iso = (at: EpochMs | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();

/** An empty filter takes all; names and states are compared without case. */
function takes(filter: string | undefined, value: string | number): boolean {
  return filter === undefined || filter === '' || filter.toLowerCase() === String(value).toLowerCase();
}

/** True when the subscription's filters let the event through. */
export function wants(inputs: Inputs, event: JobStateEvent): boolean {
  return (
    takes(inputs['projectId'], event.project.id) &&
    takes(inputs['pipelineId'], event.pipeline.id) &&
    takes(inputs['stageNameId'], event.stage) &&
    takes(inputs['jobNameId'], event.job.name) &&
    takes(inputs['jobStateId'], event.state) &&
    takes(inputs['jobResultId'], event.result ?? '')
  );
}

function minimalResource(event: JobStateEvent, baseUrl: string): Json {
  const { pipeline, run } = event;
  const projectId = event.project.id;
  const project = `${baseUrl}/${projectId}`;
  return {
    projectId,
    job: { id: event.job.id },
    stage: { id: stageId(event) },
    run: { id: run.id, url: `${project}/_apis/pipelines/${pipeline.id}/runs/${run.id}` },
    pipeline: { id: pipeline.id, url: `${project}/_apis/pipelines/${pipeline.id}` },
  };
}

/** Stages have no id in the world; one that stays the same over the events of a run. */
function stageId(event: JobStateEvent): string {
  const digits = shortHash(`${event.run.id}/${event.stage}`, 12).replaceAll(/[^0-9a-f]/g, '0');
  return `00000000-0000-5000-8000-${digits}`;
}

function jobOf(event: JobStateEvent, web: string): Json {
  const { id, name } = event.job;
  return {
    _links: { web: { href: `${web}&view=logs&j=${id}` }, 'pipeline.web': { href: web } },
    id,
    name,
    attempt: event.attempt,
    state: event.state,
    result: event.result,
    startTime: iso(event.startedAt),
    finishTime: iso(event.finishedAt),
  };
}

function fullResource(event: JobStateEvent, baseUrl: string): Json {
  const project = `${baseUrl}/${event.project.id}`;
  const pipelineUrl = `${project}/_apis/pipelines/${event.pipeline.id}`;
  const web = `${project}/_build/results?buildId=${event.run.id}`;
  const pipeline = { url: pipelineUrl, id: event.pipeline.id, revision: 1, name: event.pipeline.name, folder: '\\' };
  return {
    job: jobOf(event, web),
    stage: {
      _links: { web: { href: web } },
      id: stageId(event),
      name: event.stage,
      displayName: event.stage,
      attempt: event.attempt,
      state: event.state === 'completed' ? 'completed' : 'running',
    },
    run: {
      _links: { self: { href: `${pipelineUrl}/runs/${event.run.id}` }, web: { href: web } },
      templateParameters: {},
      pipeline,
      state: 'inProgress',
      createdDate: iso(event.queuedAt),
      url: `${pipelineUrl}/runs/${event.run.id}`,
      id: event.run.id,
      name: event.run.name,
    },
    pipeline,
    repositories: [{ type: 'Git', change: { author: { name: 'An Author', email: 'author@example.com' } } }],
    projectId: event.project.id,
  };
}

/** `resourceDetailsToSend`: empty and `all` send everything, `minimal` ids and URLs, `none` nothing at all. */
function resourceOf(event: JobStateEvent, details: string, baseUrl: string): Json | null {
  if (details.toLowerCase() === 'none') return null;
  return details.toLowerCase() === 'minimal' ? minimalResource(event, baseUrl) : fullResource(event, baseUrl);
}

function messageOf(text: string, format: string): Json | null {
  const all = { text, html: `<p>${text}</p>`, markdown: text };
  const wanted = format.toLowerCase();
  if (wanted === 'none') return null;
  return wanted === '' || wanted === 'all'
    ? all
    : Object.fromEntries(Object.entries(all).filter(([key]) => key === wanted));
}

/** The body of one notification, as the subscription asks for it. */
export function hookBody(
  subscription: Pick<Subscription, 'id' | 'resourceVersion' | 'consumerInputs'>,
  event: HookEvent,
  notificationId: number,
  baseUrl: string,
): string {
  const inputs = subscription.consumerInputs;
  const text = `Job ${event.job.name} of run ${event.run.name} is ${event.state}.`;
  return JSON.stringify({
    subscriptionId: subscription.id,
    notificationId,
    id: event.id,
    eventType: jobStateEventType,
    publisherId: 'pipelines',
    message: messageOf(text, inputs['messagesToSend'] ?? ''),
    detailedMessage: messageOf(text, inputs['detailedMessagesToSend'] ?? ''),
    resource: resourceOf(event, inputs['resourceDetailsToSend'] ?? '', baseUrl),
    resourceVersion: subscription.resourceVersion,
    resourceContainers: {
      collection: { id: zeroId, baseUrl },
      account: { id: zeroId, baseUrl },
      project: { id: event.project.id, baseUrl },
    },
    createdDate: iso(event.at),
  });
}

const zeroId = '00000000-0000-0000-0000-000000000000';

/** The made-up event of the Test button: ids that belong to nothing. */
export function sampleEvent(state: JobState, at: EpochMs): HookEvent {
  return {
    id: zeroId,
    at,
    project: { id: zeroId, name: 'Sample project' },
    pipeline: { id: 1, name: 'Sample pipeline' },
    run: { id: 1, name: '20260105.1' },
    stage: 'Sample stage',
    job: { id: zeroId, name: 'Sample job' },
    attempt: 1,
    state,
    ...(state === 'completed' && { result: 'succeeded' }),
    queuedAt: at,
  };
}
