import { describe, expect, it } from 'vitest';
import type { AgentJobEntry, RequestEntry } from '../../../../infra/local/start/ledger.ts';
import { spreadOf, summaryRows, summaryTable } from '../../../../infra/local/start/summary.ts';

const anEntry = (id: number, more: Partial<RequestEntry> = {}): RequestEntry => ({
  id,
  poolId: 1,
  runId: id,
  demands: [],
  queuedAt: 1000,
  jobCreatedAt: 1500,
  receivedAt: 3000,
  finishedAt: 5000,
  result: 'succeeded',
  ranBy: `agent-${id}`,
  ...more,
});

const anAgentJob = (id: number, template: string): AgentJobEntry => ({ name: `agent-${id}`, poolId: 1, template });

function aLedger(requests: readonly RequestEntry[], agentJobs: readonly AgentJobEntry[]) {
  return {
    requests: new Map(requests.map((request) => [request.id, request])),
    agentJobs: new Map(agentJobs.map((agentJob) => [agentJob.name, agentJob])),
  };
}

describe('spreadOf', () => {
  const table: readonly { readonly name: string; readonly given: number[]; readonly want: unknown }[] = [
    { name: 'nothing', given: [], want: undefined },
    { name: 'one value', given: [4], want: { median: 4, max: 4 } },
    { name: 'an odd number of values', given: [9, 1, 2], want: { median: 2, max: 9 } },
    { name: 'an even number of values', given: [1, 2, 4, 9], want: { median: 3, max: 9 } },
  ];
  it.each(table)('of $name', ({ given, want }) => {
    expect(spreadOf(given)).toEqual(want);
  });
});

describe('the summary', () => {
  const ledger = aLedger(
    [
      anEntry(1),
      anEntry(2, { finishedAt: 7000 }),
      // Served by an agent that was made for another request, so no Job was created for it.
      { id: 3, poolId: 1, runId: 3, demands: [], queuedAt: 1000, receivedAt: 2000, finishedAt: 2500, ranBy: 'agent-9' },
      { id: 4, poolId: 1, runId: 4, demands: [], queuedAt: 1000 },
    ],
    [anAgentJob(1, 'linux'), anAgentJob(2, 'linux'), anAgentJob(9, 'node')],
  );

  it('counts requests where they ran', () => {
    expect(
      summaryRows(ledger, [1, 2, 3, 4]).map(({ template, requests, succeeded }) => [template, requests, succeeded]),
    ) //
      .toEqual([
        ['(none)', 1, 0],
        ['linux', 2, 2],
        ['node', 1, 0],
        ['all', 4, 2],
      ]);
  });

  it('is a table with a line for all at its end', () => {
    expect(summaryTable(summaryRows(ledger, [1, 2, 3]))).toBe(
      [
        'template  requests  succeeded  Job created    running   finished',
        '--------  --------  ---------  -----------  ---------  ---------',
        'linux            2          2    0.5 / 0.5  2.0 / 2.0  5.0 / 6.0',
        'node             1          0            -  1.0 / 1.0  1.5 / 1.5',
        '--------  --------  ---------  -----------  ---------  ---------',
        'all              3          2    0.5 / 0.5  2.0 / 2.0  4.0 / 6.0',
      ].join('\n'),
    );
  });
});
