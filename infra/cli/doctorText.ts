/** What the doctor says: a line per step while it works, then one line with the verdict. */
import type pc from 'picocolors';
import { type ProbeReport, type ProbeStep, probeStepTitles, verdictLine } from '../../shared/reconcile/probeReport.ts';

type Colors = ReturnType<typeof pc.createColors>;

const titleWidth = Math.max(...Object.values(probeStepTitles).map((title) => title.length));

/** A tick, a cross, or a dash for what is neither good nor bad. */
export function stepLine({ id, mark, text }: ProbeStep, colors: Colors): string {
  const marks = { passed: colors.green('✓'), failed: colors.red('✗'), noted: colors.dim('–') };
  return `${marks[mark]} ${probeStepTitles[id].padEnd(titleWidth)}  ${mark === 'failed' ? text : colors.dim(text)}`.trimEnd();
}

export function verdictText(report: ProbeReport, colors: Colors): string {
  const color = { works: colors.green, fails: colors.red, inconclusive: colors.yellow }[report.verdict];
  return color(verdictLine(report));
}

/** 2 also where the outcome is certain and could not be written down: `registration: auto` does not know it then. */
export function exitCodeOf({ verdict, notRecordedIn }: Pick<ProbeReport, 'verdict' | 'notRecordedIn'>): 0 | 1 | 2 {
  if (notRecordedIn.length > 0) return 2;
  return { works: 0, fails: 1, inconclusive: 2 }[verdict] as 0 | 1 | 2;
}
