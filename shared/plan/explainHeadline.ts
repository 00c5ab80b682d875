/** What became of a request in one sentence. */
import type { EpochMs } from '../domain/instant.ts';
import type { ChosenParameters } from '../domain/template.ts';
import type { Explanation } from './explain.ts';
import type { Fate, FateKind, NamedAgent } from './explainFate.ts';

export const instant = (at: EpochMs): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;

/** To the second; from an hour on to the minute. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

export const chosen = (parameters: ChosenParameters): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const inBrackets = (text: string): string => (text === '' ? '' : ` (${text})`);

function origin({ ours, madeFor }: NamedAgent, requestId: number): string {
  if (!ours) return 'not of Mayfly';
  if (madeFor === undefined) return 'made ahead of demand';
  return madeFor === requestId ? 'made for it' : `made for ${madeFor}`;
}

type FateOf<Kind extends FateKind> = Extract<Fate, { readonly kind: Kind }>;

function created({ name, template, cluster, parameters }: FateOf<'created'>, shadow: boolean): string {
  const what = [template, cluster, chosen(parameters)].filter((each) => each !== '').join(', ');
  return `${shadow ? 'would get' : 'gets'} a new agent: ${name} (${what}).`;
}

/** The detail of `noTemplate` is the list of templates, which is told line by line anyway. */
function skipped({ reason, detail }: FateOf<'skipped'>): string {
  return `waits: ${reason}${inBrackets(reason === 'noTemplate' ? '' : (detail ?? ''))}.`;
}

function finished({ result, at, agent }: FateOf<'finished'>): string {
  const when = at === undefined ? '' : ` at ${instant(at)}`;
  return `is over: ${result ?? 'without a result'}${when}${agent === undefined ? '' : `, on ${agent}`}.`;
}

const taken = (fate: FateOf<'taken'>, requestId: number): string =>
  `${fate.received ? 'runs on' : 'was given to'} ${fate.agent} (${origin(fate, requestId)}) since ${instant(fate.since)}.`;

/** The end of a sentence that begins with the request. */
export function headline(fate: Fate, { requestId, shadow }: Explanation): string {
  switch (fate.kind) {
    case 'served':
      return `will be taken by ${fate.agent} (${fate.state}, ${origin(fate, requestId)}).`;
    case 'created':
      return created(fate, shadow);
    case 'skipped':
      return skipped(fate);
    case 'taken':
      return taken(fate, requestId);
    case 'finished':
      return finished(fate);
    case 'notInPool':
      return 'is not in the pool.';
    case 'poolUnknown':
      return `cannot be explained: the ${fate.unread} of the pool cannot be read (${fate.error}).`;
  }
}
