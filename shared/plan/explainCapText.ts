/** A limit and its figures in a line, and one more for each part it consists of. */
import type { Cap, GroupTrail, Lack } from './explainCaps.ts';

const figures = ({
  maximum,
  used,
  planned,
}: {
  readonly maximum: number;
  readonly used: number;
  readonly planned: number;
}) => `${used + planned} of ${maximum} (${used} exist, ${planned} are created for older requests)`;

/** Bytes in Mi: nobody reads eleven digits. */
function amount(resource: string, value: number): string {
  const isBytes = resource.endsWith('memory') || resource.endsWith('storage');
  return isBytes ? `${Math.floor(value / 2 ** 20)}Mi` : String(Math.round(value * 1000) / 1000);
}

const lackWords = ({ resource, needed, left }: Lack): string =>
  `${resource} ${amount(resource, needed)} needed, ${amount(resource, Math.max(0, left))} left`;

const memberWords = ({ organisation, poolId, claims = 0, wishes = 0, error }: GroupTrail): string =>
  `pool ${poolId} of ${organisation}: ${error === undefined ? `${claims} about to be taken, ${wishes} wished` : `unknown (${error})`}`;

function licenceLines({ total, used, free, claimed, wishes, share, group }: Extract<Cap, { kind: 'parallelJobs' }>) {
  const bought = total === undefined ? 'parallel jobs' : `parallel jobs: ${used} of ${total} in use`;
  return [
    `${bought}; ${free} free, ${claimed} of them about to be taken; of ${wishes} more that are wished here ${share} are granted`,
    ...group.map(memberWords),
  ];
}

export function capLines(cap: Cap): readonly string[] {
  switch (cap.kind) {
    case 'pool':
      return [`pool: ${figures(cap)}`];
    case 'template':
      return [`template ${cap.template}: ${figures(cap)}`];
    case 'pass':
      return [`pass: ${cap.planned} of ${cap.maximum} creations go to older requests`];
    case 'parallelJobs':
      return licenceLines(cap);
    case 'quota':
      return cap.clusters.map(
        ({ cluster, lacks }) => `quota of ${cluster} (${cap.template}): ${lacks.map(lackWords).join('; ') || 'room'}`,
      );
    case 'clusters':
      return cap.unread.map(({ cluster, error }) => `cluster ${cluster}: cannot be read (${error})`);
  }
}
