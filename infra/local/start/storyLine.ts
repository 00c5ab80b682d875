/** Steps as lines: aligned columns, colours where the terminal takes them. */
import type picocolors from 'picocolors';
import type { Step, Tone } from './narrator.ts';

export type Colors = ReturnType<typeof picocolors.createColors>;

export interface LineContext {
  readonly startedAt: number;
  readonly poolNames: ReadonlyMap<number, string>;
  readonly colors: Colors;
}

/** `+  3.21s`: seconds since the start, wide enough for a quarter of an hour. */
export function elapsed(at: number, startedAt: number): string {
  return `+${(Math.max(0, at - startedAt) / 1000).toFixed(2).padStart(7)}s`;
}

const whatWidth = 'placeholder'.length;

export function storyLine(step: Step, { startedAt, poolNames, colors }: LineContext): string {
  const poolWidth = Math.max(...[...poolNames.values()].map((name) => name.length), 4);
  const pool = (step.poolId === undefined ? '' : (poolNames.get(step.poolId) ?? `${step.poolId}`)).padEnd(poolWidth);
  const request = String(step.requestId ?? '').padStart(5);
  const paint = paints(colors)[step.tone];
  const line = `${pool}  ${request}  ${step.what.padEnd(whatWidth)}  ${step.detail}`.trimEnd();
  return `${colors.dim(elapsed(step.at, startedAt))}  ${paint(line)}`;
}

function paints(colors: Colors): Readonly<Record<Tone, (text: string) => string>> {
  return {
    begin: colors.cyan,
    plain: (text) => text,
    good: colors.green,
    bad: colors.red,
    faint: colors.dim,
  };
}
