/** An explanation for people: a headline, what is behind it in aligned lines, and what helps. */
import type { Explanation, Trail } from './explain.ts';
import type { AgentTrail } from './explainAgents.ts';
import type { AttemptTrail } from './explainAttempts.ts';
import { capLines } from './explainCapText.ts';
import { chosen, duration, headline, instant } from './explainHeadline.ts';
import type { TemplateTrail } from './explainTemplates.ts';

const labelWidth = 12;
const lineWidth = 118;
/** JSON has more of them. */
const templatesShown = 8;
const agentsShown = 6;
const attemptsShown = 5;

const lacks = (unmet: readonly string[]): readonly string[] =>
  unmet.length === 0 ? [] : [`lacks ${unmet.join(', ')}`];

function templateWords({ verdict, unmet, refusal, breaker, parameters }: TemplateTrail): string {
  const words = verdict === 'unfit' ? lacks(unmet) : [verdict === 'refused' ? `refused: ${refusal}` : verdict];
  const figures =
    breaker === undefined
      ? []
      : [`breaker: ${breaker.failures} failures (${breaker.limit} open it), last ${breaker.lastReason}`];
  return [...words, chosen(parameters), ...figures].filter((each) => each !== '').join('; ');
}

function agentWords({ state, unmet, goesTo, keptFor, distrusted }: AgentTrail): string {
  return [
    state,
    ...lacks(unmet),
    ...(goesTo === undefined ? [] : [`goes to ${goesTo}`]),
    ...(keptFor === undefined ? [] : [`kept for ${keptFor}`]),
    ...(distrusted ? ['not used by Azure DevOps'] : []),
  ].join('; ');
}

const rerunWords = { open: '', none: ', not run again', asked: ', which is run again' } as const;

/** The newest of them that tells: earlier ones most often tell the same. */
function lastLines(attempts: readonly AttemptTrail[]): readonly string[] {
  const telling = attempts.findLast((each) => each.lastLines !== undefined);
  return telling === undefined ? [] : [`of pod ${telling.pod ?? telling.name}`, ...(telling.lastLines ?? [])];
}

/** Why it ended, as it was written down; else what is to be seen of its pod. */
function troubleWords({ reason, detail, cause, message, exitCode }: AttemptTrail): readonly string[] {
  if (reason !== undefined && detail !== undefined) return [`${reason}: ${detail}`];
  return [
    ...(reason === undefined ? [] : [reason]),
    ...(cause === undefined ? [] : [`${cause}${message === undefined ? '' : `: ${message}`}`]),
    ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
  ];
}

function attemptWords(attempt: AttemptTrail): string {
  const { phase, cluster, holds, served, lost, endedAt } = attempt;
  return [
    `${phase} in ${cluster}`,
    ...troubleWords(attempt),
    ...(holds === undefined ? [] : [`works on ${holds}`]),
    ...(served === undefined ? [] : [`served ${served}`]),
    ...(lost === undefined ? [] : [`lost ${lost.requestId}${rerunWords[lost.rerun]}`]),
    ...(endedAt === undefined ? [] : [`ended ${instant(endedAt)}`]),
  ].join('; ');
}

/** Names in a column of their own. */
function aligned(rows: readonly (readonly [name: string, words: string])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, words]) => `${name.padEnd(width)}  ${words}`);
}

/** Breaks at spaces; a word that is too long stays whole. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '  ';
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

function section(label: string, lines: readonly string[]): readonly string[] {
  return lines
    .flatMap((line) => wrapped(line, lineWidth - labelWidth - 2))
    .map((line, index) => `  ${(index === 0 ? label : '').padEnd(labelWidth)}${line}`);
}

const rest = (all: number, shown: number): readonly string[] => (all > shown ? [`and ${all - shown} more`] : []);

function queuedWords({ queuedAt, waitedMs, waiting, parallelism }: Trail): string {
  const place = waiting === undefined ? [] : [`number ${waiting.position} of ${waiting.of} that wait`];
  return [instant(queuedAt), `waited ${duration(waitedMs)}`, ...place, parallelism].join('; ');
}

const pipelineWords = ({ pipeline, run }: Trail): readonly string[] =>
  pipeline === undefined ? [] : [run === undefined ? pipeline : `${pipeline}, run ${run}`];

/** What decided while it waited; of one that is taken or over it would only be noise. */
function decisionLines({ templates, caps, agents }: Trail): readonly string[] {
  const { usable, capable, first } = agents;
  const shown = first.slice(0, agentsShown);
  return [
    ...section('templates', [
      ...aligned(templates.slice(0, templatesShown).map((each) => [each.template, templateWords(each)])),
      ...rest(templates.length, templatesShown),
    ]),
    ...section('limits', caps.flatMap(capLines)),
    ...section('agents', [
      usable === 0 ? 'none is usable' : `${capable} of ${usable} usable ones could take it`,
      ...aligned(shown.map((each) => [each.agent, agentWords(each)])),
      ...rest(usable, shown.length),
    ]),
  ];
}

function trailLines(trail: Trail, decides: boolean): readonly string[] {
  const { demands, attempts, retryAt } = trail;
  const latest = attempts.slice(-attemptsShown);
  const texts = demands.map(({ text, parsed }) => `${text}${parsed === undefined ? ' (not understood)' : ''}`);
  return [
    ...section('queued', [queuedWords(trail)]),
    ...section('pipeline', pipelineWords(trail)),
    ...section('demands', texts.length === 0 ? ['none'] : texts),
    ...(decides ? decisionLines(trail) : []),
    ...section('attempts', [
      ...aligned(latest.map((each) => [each.name, attemptWords(each)])),
      ...rest(attempts.length, latest.length),
    ]),
    ...section('last lines', lastLines(attempts)),
    ...section('tried again', retryAt === undefined ? [] : [`not before ${instant(retryAt)}`]),
  ];
}

/** Lines without colour, the last one ended. */
export function explainText(explanation: Explanation): string {
  const { requestId, pool, organisation, fate, trail, alarms, whatHelps } = explanation;
  const decides = fate.kind === 'skipped' || fate.kind === 'created' || fate.kind === 'served';
  const lines = [
    `Request ${requestId} of pool ${pool} (${organisation}) ${headline(fate, explanation)}`,
    ...(trail === undefined ? [] : trailLines(trail, decides)),
    ...section(
      'alarms',
      alarms.map(({ reason, subject, detail }) =>
        [reason, subject, detail].filter((each) => each !== undefined).join(': '),
      ),
    ),
    ...section('what helps', whatHelps),
  ];
  return `${lines.join('\n')}\n`;
}
