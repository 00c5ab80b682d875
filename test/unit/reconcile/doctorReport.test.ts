import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../infra/cli/doctorText.ts';
import { readControl } from '../../../shared/domain/control.ts';
import { UpstreamError, type UpstreamErrorKind, upstreamErrorKinds } from '../../../shared/domain/errors.ts';
import { isProbeAgentName, maxNameLength, parseName, probeAgentName } from '../../../shared/domain/names.ts';
import { probeRecord } from '../../../shared/reconcile/probeRecord.ts';
import { learntLine, type ProbeStepId, probeStepTitles } from '../../../shared/reconcile/probeReport.ts';
import { ProbeRefusal, probeWords, provesFailure } from '../../../shared/reconcile/probeWords.ts';

const scope = { installation: 'prod', organisation: 'ab12', poolId: 12 };
const error = (kind: UpstreamErrorKind, detail?: string): UpstreamError =>
  new UpstreamError({ upstream: 'azureDevOps', operation: 'trying', kind, detail });

describe('the name of a probe agent', () => {
  const name = probeAgentName(scope, '0f3a9c11-2b7e-4c58-9d10-aa00bb11cc22');

  it('bears our mark in a form that no plan knows', () => {
    expect(name).toBe('mf-prod-ab12-12-d-0f3a9c11');
    expect([parseName(scope, name), isProbeAgentName(scope, name)]).toEqual([undefined, true]);
    expect(probeAgentName({ ...scope, poolId: 2_147_483_647 }, name).length).toBeLessThanOrEqual(maxNameLength);
  });

  it.each([
    '',
    '-',
    '-d-0f3a9c1',
    '-d-0f3a9c111',
    '-d-0f3a9c1g',
    '-p-abcdef',
    '-1001-1',
    '-w-abcdef-1-2',
    '2-d-0f3a9c11',
  ])('is not one that ends in "%s"', (end) => expect(isProbeAgentName(scope, `mf-prod-ab12-12${end}`)).toBe(false));
});

describe('what a failure proves', () => {
  const steps = Object.keys(probeStepTitles) as ProbeStepId[];
  const proven = steps.flatMap((step) =>
    upstreamErrorKinds.filter((kind) => provesFailure(step, error(kind))).map((kind) => `${step} ${kind}`),
  );

  it('is that jit does not work only where the server refuses the agent itself', () => {
    expect(proven).toEqual([
      'register invalid',
      'signIn unauthorized',
      'signIn forbidden',
      'signIn invalid',
      'openSession unauthorized',
      'openSession forbidden',
      'openSession notFound',
      'openSession invalid',
    ]);
  });

  it('is nothing where nobody foresaw it', () => {
    expect([provesFailure('signIn', new TypeError('x')), provesFailure('signIn', undefined)]).toEqual([false, false]);
  });
});

describe('the words of a failure', () => {
  it.each<{ step: ProbeStepId; given: unknown; want: RegExp }>([
    {
      step: 'readAgents',
      given: error('forbidden'),
      want: /lacks a right: .*role Reader.*\(Azure DevOps forbidden\)$/,
    },
    { step: 'register', given: error('forbidden'), want: /lacks a right: .*role Administrator.*organisation settings/ },
    { step: 'delete', given: error('forbidden'), want: /role Administrator/ },
    { step: 'register', given: error('unauthorized'), want: /^the credential is not accepted/ },
    {
      step: 'readAgents',
      given: error('forbidden', 'TF400813: The user is not authorized to access this resource.'),
      want: /no member of the organisation.*access level Basic.*\(Azure DevOps forbidden TF400813/,
    },
    {
      step: 'signIn',
      given: error('unauthorized', 'invalid_client'),
      want: /^the server refuses the agent \(.*invalid_client\)$/,
    },
    { step: 'signIn', given: error('timeout'), want: /^no usable answer/ },
    { step: 'readAgents', given: error('notFound'), want: /may not see it/ },
    { step: 'register', given: error('conflict', 'it exists'), want: /^Azure DevOps conflict it exists$/ },
    { step: 'register', given: new ProbeRefusal('no template', false), want: /^no template$/ },
    { step: 'register', given: new TypeError('a value of ours'), want: /^unexpected: TypeError$/ },
    { step: 'register', given: 'text', want: /^unexpected: no error$/ },
  ])('of $step are for whoever can change it: $want', ({ step, given, want }) => {
    expect(probeWords(step, given)).toMatch(want);
  });

  it('send nobody after a role where this machine has no identity', () => {
    const given = new UpstreamError({ upstream: 'entra', operation: 'getting a token', kind: 'unauthorized' });
    expect(probeWords('readAgents', given)).toBe(
      'there is no token for the identity of this environment (Entra unauthorized)',
    );
  });
});

describe('what is recorded', () => {
  const at = 1_795_250_000_000;
  const learnt = { capabilities: 'merged', deleteWhileIdle: 'accepted' } as const;

  it('is read back as what was found', () => {
    for (const verdict of ['works', 'fails'] as const) {
      const record = probeRecord({ verdict, learnt, at }) ?? {};
      const data = Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value ?? '']));
      expect([readControl(data).jit, data['mayfly.jit.at']]).toEqual([verdict, String(at)]);
    }
  });

  it('is nothing of a run that found nothing out, or heard no time', () => {
    expect([probeRecord({ verdict: 'inconclusive', learnt, at }), probeRecord({ verdict: 'works', learnt })]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('is one short line, with the reason first, and takes an older line away where there is none', () => {
    const long = probeRecord({ verdict: 'fails', because: 'x'.repeat(500), learnt, at });
    expect(long?.['mayfly.jit.learnt']).toBe('x'.repeat(240));
    const record = probeRecord({ verdict: 'works', learnt: {}, at }) ?? {};
    expect([Object.hasOwn(record, 'mayfly.jit.learnt'), record['mayfly.jit.learnt']]).toEqual([true, undefined]);
    expect(learntLine(learnt)).toBe('a session adds its capabilities; delete while idle accepted');
  });
});

describe('the exit code', () => {
  it.each([
    { verdict: 'works', notRecordedIn: [], want: 0 },
    { verdict: 'fails', notRecordedIn: [], want: 1 },
    { verdict: 'inconclusive', notRecordedIn: [], want: 2 },
    { verdict: 'works', notRecordedIn: ['primary'], want: 2 },
    { verdict: 'fails', notRecordedIn: ['primary'], want: 2 },
  ] as const)('of $verdict, not recorded in [$notRecordedIn], is $want', ({ want, ...report }) => {
    expect(exitCodeOf(report)).toBe(want);
  });
});
