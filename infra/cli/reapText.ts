/** What `reap --dry-run` says: a line with the totals, a table, and what keeps it from being the whole truth. */
import type pc from 'picocolors';
import type { KeepReason } from '../../shared/plan/ghostRule.ts';
import type { ReapPreview, ReapRow } from '../../shared/plan/reap.ts';

type Colors = ReturnType<typeof pc.createColors>;

const keepWords: Readonly<Record<KeepReason, string>> = {
  notNamed: 'its name is not one that is looked at',
  placeholder: 'a placeholder: it stays offline for ever',
  online: 'online',
  busy: 'busy',
  agentJobThere: 'its Job or pod is there',
  ageUnknown: 'nobody can tell how long it has been offline',
  withinGrace: 'younger than the grace',
  clustersUnknown: 'offline long enough, but a Job of it may run',
};

const steps: Readonly<Record<string, string>> = {
  retire: 'retire',
  rollBack: 'roll back',
  bury: 'bury',
  disable: 'disable',
  endOverAge: 'end',
};

const objects = { agent: 'agent', agentJob: 'agent job', placeholder: 'placeholder', leftover: 'leftover' } as const;

const wordsFor = (reason: string): string => (keepWords as Readonly<Record<string, string>>)[reason] ?? reason;

const isDisable = ({ step }: ReapRow): boolean => step === 'disable';
const goes = (row: ReapRow): boolean => row.verdict === 'reap' && !isDisable(row);

/** The largest unit that fits twice: "3 d", "47 h", "12 min". */
export function age(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

function cellsOf(row: ReapRow, { at }: ReapPreview): readonly string[] {
  const { verdict, step = '', object, cluster, name, reason, detail, offlineSince } = row;
  const why = verdict === 'keep' ? wordsFor(reason) : reason;
  return [
    verdict === 'keep' ? 'keep' : (steps[step] ?? 'delete'),
    objects[object],
    cluster === undefined ? name : `${cluster}/${name}`,
    offlineSince === undefined ? '' : age(at - offlineSince),
    detail === undefined ? why : `${why}: ${detail}`,
  ];
}

/** The last column is of any length, the age stands to the right. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number): number => Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  const widths = [0, 1, 2, 3].map(width);
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 3 ? cell.padStart(widths[3] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

const count = (number: number, what: string): string => `${number} ${what}`;

export function totals({ rows }: ReapPreview): string {
  const going = rows.filter(goes).length;
  const disabled = rows.filter(isDisable).length;
  const staying = rows.filter(({ verdict }) => verdict === 'keep').length;
  const also = disabled === 0 ? [] : [count(disabled, 'would be disabled')];
  return [count(going, 'would go'), ...also, count(staying, staying === 1 ? 'stays' : 'stay')].join(', ');
}

/** Counts what the table leaves out, by reason. */
function leftOut(rows: readonly ReapRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const byReason = [...Map.groupBy(rows, ({ reason }) => reason)];
  const words = byReason.map(([reason, found]) => count(found.length, reason)).join(', ');
  return [`Also there: ${words}; --all lists them.`];
}

function silence({ alarms }: ReapPreview, cluster: string): string {
  const why = alarms.find(({ reason, subject }) => reason === 'clusterUnknown' && subject === cluster)?.detail;
  return `Cluster ${cluster} did not answer${why === undefined ? '' : ` (${why})`}: what runs there is not known.`;
}

function caveats(preview: ReapPreview): readonly string[] {
  const { rows, clustersUnknown, clustersAsked, shadow } = preview;
  const unproven = rows.filter(({ reason }) => reason === 'clustersUnknown').length;
  return [
    ...clustersUnknown.map((name) => silence(preview, name)),
    ...(!clustersAsked && unproven > 0
      ? [`Whether ${unproven} of them are ghosts only their cluster can tell: name it with --kubeconfig.`]
      : []),
    ...(shadow ? ['The pool is in shadow mode: nothing of this will happen.'] : []),
  ];
}

/** Online agents and agent jobs that stay are counted only. */
const isListed = ({ verdict, object, online }: ReapRow): boolean =>
  verdict === 'reap' || (object !== 'agentJob' && online !== true);

export function previewText(preview: ReapPreview, colors: Colors, all: boolean): string {
  const { rows, pool, poolId, organisation } = preview;
  const listed = rows.filter((row) => all || isListed(row));
  const named = pool === `${poolId}` ? pool : `${poolId} (${pool})`;
  const lines = aligned([['', '', 'name', 'offline', 'why'], ...listed.map((row) => cellsOf(row, preview))]);
  const painted = lines.slice(1).map((line, index) => {
    const row = listed[index];
    if (row === undefined || row.verdict === 'keep') return colors.dim(line);
    return isDisable(row) ? colors.yellow(line) : colors.red(line);
  });
  return [
    colors.bold(`Pool ${named} of ${organisation}: ${totals(preview)}.`),
    ...(listed.length === 0 ? [] : [colors.bold(lines[0] ?? ''), ...painted]),
    ...leftOut(rows.filter((row) => !listed.includes(row))).map((line) => colors.dim(line)),
    ...caveats(preview).map((line) => colors.yellow(line)),
    colors.dim('Nothing was touched.'),
  ].join('\n');
}

/** 1 where something could not be read that may change the verdicts. */
export const exitCodeOf = ({ clustersUnknown }: Pick<ReapPreview, 'clustersUnknown'>): 0 | 1 =>
  clustersUnknown.length === 0 ? 0 : 1;
