/** How images stand, as a table for people. */
import type { ImageStatus } from '../../shared/images.ts';

const digestLength = 'sha256:'.length + 12;
const short = (digest: string): string => digest.slice(0, digestLength);

const header = ['image', 'in force', 'agent', 'age', 'candidate', 'build', 'to go back to', 'note'];

function age(hours: number): string {
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

function noteOf({ known, moved, requested, build }: ImageStatus): string {
  if (!known) return 'no control map answers';
  return [
    ...(requested === undefined ? [] : [`asked: ${requested}`]),
    ...(moved === undefined ? [] : [`tag moved to ${short(moved)}`]),
    ...(build?.reason === undefined ? [] : [build.reason]),
  ].join('; ');
}

function rowOf(status: ImageStatus): readonly string[] {
  const { image, inForce, candidate, build, good } = status;
  return [
    image,
    inForce === undefined ? '-' : short(inForce.digest),
    inForce?.version ?? '-',
    inForce === undefined ? '-' : age(inForce.ageHours),
    candidate === undefined ? '-' : `${short(candidate.digest)} (${candidate.proven} proven)`,
    build === undefined ? '-' : `${build.key} ${build.state}`,
    String(good.length),
    noteOf(status),
  ];
}

/** One line for each image, columns aligned. */
export function imageTable(states: readonly ImageStatus[]): string {
  const rows = [header, ...states.map(rowOf)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
