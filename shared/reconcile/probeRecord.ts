/** What the control maps of a pool are told of its probe. Who reads them: `registration: auto`, and people. */
import { jitKey } from '../domain/control.ts';
import { formatInstant } from '../domain/names.ts';
import type { Cluster } from '../ports.ts';
import { learntLine, type ProbeReport } from './probeReport.ts';

/** Of a value among others that people read. */
const maxLineLength = 240;

type Outcome = Pick<ProbeReport, 'verdict' | 'because' | 'learnt' | 'at'>;

/** undefined = nothing, because nothing was found out. */
export function probeRecord(outcome: Outcome): Readonly<Record<string, string | undefined>> | undefined {
  const { verdict, because, learnt, at } = outcome;
  if (verdict === 'inconclusive' || at === undefined) return undefined;
  const line = [because, learntLine(learnt)].filter((part) => part !== undefined && part !== '').join('; ');
  return {
    [jitKey]: verdict,
    [`${jitKey}.at`]: formatInstant(at),
    [`${jitKey}.learnt`]: line === '' ? undefined : line.slice(0, maxLineLength),
  };
}

/** On every cluster, each by itself: one that is out of reach keeps no other from knowing. */
export async function recordProbe(
  clusters: readonly Cluster[],
  poolId: number,
  outcome: Outcome,
): Promise<Pick<ProbeReport, 'recordedIn' | 'notRecordedIn'>> {
  const changes = probeRecord(outcome);
  if (changes === undefined) return { recordedIn: [], notRecordedIn: [] };
  const settled = await Promise.allSettled(clusters.map((cluster) => cluster.patchControl(poolId, changes)));
  const named = (status: 'fulfilled' | 'rejected'): readonly string[] =>
    clusters.filter((_, index) => settled[index]?.status === status).map(({ name }) => name);
  return { recordedIn: named('fulfilled'), notRecordedIn: named('rejected') };
}
