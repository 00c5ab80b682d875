import { describe, expect, it } from 'vitest';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { explain } from '../../../shared/plan/explain.ts';
import { explainText } from '../../../shared/plan/explainText.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  minutesAgo,
  nameFor,
  policy,
  runningOn,
  secondsAgo,
} from '../../support/builders.ts';
import { aTombstone } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const textOf = (given: Given, changed: Partial<PoolPolicy> = {}): string =>
  explainText(explain({ ...policy, ...changed }, anObserved(given), 1001));

const large = aTemplate({ name: 'large', capabilities: { size: 'large' }, maxAgents: 1 });

describe('explainText', () => {
  it('tells a request that waits in aligned lines', () => {
    const text = textOf(
      {
        requests: [
          aJobRequest({ id: 1000, demands: ['size -equals large'] }),
          aJobRequest({
            demands: ['size -equals large'],
            pipeline: { id: 4, name: 'shop-ci' },
            run: { id: 9, name: '20260302.3' },
          }),
        ],
        agents: [anAgent({ name: 'build-1' })],
        agentJobs: [
          aTombstone(1, {
            reason: 'neverStarted',
            phaseAt: minutesAgo(9),
            pod: aPod({ cause: 'imagePull', message: 'Back-off pulling image "agent:7": manifest is not known there' }),
          }),
        ],
      },
      { templates: [aTemplate(), large] },
    );
    expect(text).toBe(
      `Request 1001 of pool linux (contoso) waits: atTemplateLimit (large).
  queued      2026-03-02 11:59:01Z; waited 59 s; number 2 of 2 that wait; private
  pipeline    shop-ci, run 20260302.3
  demands     size -equals large
  templates   large  refused: atTemplateLimit
              linux  lacks size -equals large
  limits      template large: 1 of 1 (0 exist, 1 are created for older requests)
  agents      0 of 1 usable ones could take it
              build-1  online; lacks size -equals large
  attempts    ${nameFor(1001)}  tombstone in primary; neverStarted; imagePull: Back-off pulling image "agent:7":
                manifest is not known there; ended 2026-03-02 11:51:00Z
  what helps  It gets an agent when one of this template ends. To have more at once, raise \`maxAgents\` of the
                template.
`,
    );
  });

  const headlines: readonly { name: string; given: Given; changed?: Partial<PoolPolicy>; want: string }[] = [
    {
      name: 'served',
      given: { requests: [aJobRequest()], agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      want: `will be taken by ${nameFor(1001)} (booting, made for it).`,
    },
    {
      name: 'created',
      given: { requests: [aJobRequest({ demands: ['mayfly.cpu.4'] })] },
      changed: { templates: [aTemplate({ parameters: { cpu: ['4'], memory: [], image: {} } })] },
      want: `gets a new agent: ${nameFor(1001)} (linux, primary, cpu 4).`,
    },
    {
      name: 'created in shadow mode',
      given: { requests: [aJobRequest()] },
      changed: { mode: 'shadow' },
      want: `would get a new agent: ${nameFor(1001)} (linux, primary).`,
    },
    {
      name: 'assigned',
      given: { requests: [aJobRequest({ assignedAt: secondsAgo(5), reservedAgent: { id: 9, name: 'build-1' } })] },
      want: 'was given to build-1 (not of Mayfly) since 2026-03-02 11:59:55Z.',
    },
    {
      name: 'running',
      given: { requests: [runningOn({ id: 501, name: nameFor(7) })] },
      want: `runs on ${nameFor(7)} (made for 7) since 2026-03-02 11:59:31Z.`,
    },
    {
      name: 'finished',
      given: { requests: [aJobRequest({ result: 'canceled', finishedAt: secondsAgo(1) })] },
      want: 'is over: canceled at 2026-03-02 11:59:59Z.',
    },
    { name: 'unknown', given: {}, want: 'is not in the pool.' },
  ];
  it.each(headlines)('begins with what became of it: $name', ({ given, changed, want }) => {
    expect(textOf(given, changed).split('\n')[0]).toBe(`Request 1001 of pool linux (contoso) ${want}`);
  });

  it('says of a pool that cannot be read what is missing, and no more', () => {
    const observed = { ...anObserved(), requests: unknown('throttled') };
    expect(explainText(explain(policy, observed, 1001)).split('\n')).toEqual([
      'Request 1001 of pool linux (contoso) cannot be explained: the requests of the pool cannot be read (throttled).',
      '  alarms      requestsUnknown: linux: throttled',
      '  what helps  Nothing is done for the pool until Azure DevOps answers; the next sweep asks again. Where it says',
      '                unauthorized or forbidden, see to the credential in mayfly.yaml and its role in the pool.',
      '',
    ]);
  });

  const limits: readonly { name: string; given: Given; want: readonly string[] }[] = [
    {
      name: 'the licence and its group',
      given: {
        parallelJobs: { value: { total: 5, used: 4 } },
        group: [
          { organisation: 'contoso', poolId: 8, needs: known({ claims: 1, wishes: [] }) },
          { organisation: 'fabrikam', poolId: 9, needs: unknown('timeout') },
        ],
      },
      want: [
        '  limits      parallel jobs: 4 of 5 in use; 1 free, 0 of them about to be taken; of 1 more that are wished here 0 are',
        '                granted',
        '              pool 8 of contoso: 1 about to be taken, 0 wished',
        '              pool 9 of fabrikam: unknown (timeout)',
      ],
    },
    {
      name: 'quotas, bytes in Mi',
      given: { quotas: [{ 'requests.memory': 2 ** 30, pods: 0 }] },
      want: [
        '  limits      quota of primary (linux): pods 1 needed, 0 left; requests.memory 2048Mi needed, 1024Mi left',
      ],
    },
    {
      name: 'clusters out of reach',
      given: { clusters: [{ name: 'primary', agentJobs: unknown('timeout'), quotas: { value: undefined } }] },
      want: ['  limits      cluster primary: cannot be read (timeout)'],
    },
  ];
  it.each(limits)('gives the figures of $name', ({ given, want }) => {
    const lines = textOf({ requests: [aJobRequest()], ...given }).split('\n');
    const first = lines.findIndex((line) => line.startsWith('  limits'));
    expect(lines.slice(first, first + want.length)).toEqual(want);
  });

  it('stays short where there is much to tell', () => {
    const agents = Array.from({ length: 40 }, (_, index) => anAgent({ id: index, name: `static-${index}` }));
    const templates = Array.from({ length: 20 }, (_, index) => aTemplate({ name: `template-${index}` }));
    const lines = textOf({ requests: [aJobRequest({ demands: ['gpu'] })], agents }, { templates }).split('\n');
    expect(lines.length).toBeLessThan(25);
    expect(lines.filter((line) => line.includes(' more'))).toEqual([
      '              and 12 more',
      '              and 34 more',
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(118);
  });
});
