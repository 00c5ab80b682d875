/** What the live probe finds out, and what it never does to a pool in use. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorldLimits } from '../../infra/local/azureDevOps/options.ts';
import { reader } from '../../infra/local/azureDevOps/wire/tokens.ts';
import type { FaultKind } from '../../infra/local/world/faults.ts';
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';
import type { Learnt, ProbeReport, ProbeStepId } from '../../shared/reconcile/probeReport.ts';
import { verdictLine } from '../../shared/reconcile/probeReport.ts';
import { basic } from '../support/azureDevOpsServer.ts';
import { type DoctorWorld, poolsAt, startDoctorWorld } from '../support/doctor.ts';

let world: DoctorWorld;

beforeEach(async () => {
  world = await startDoctorWorld();
});
afterEach(() => world.close());

const marks = (report: ProbeReport): Partial<Record<ProbeStepId, string>> =>
  Object.fromEntries(report.steps.map(({ id, mark }) => [id, mark]));
const textOf = (report: ProbeReport, id: ProbeStepId): string =>
  report.steps.find((step) => step.id === id)?.text ?? 'no such step';

const allPassed: Partial<Record<ProbeStepId, string>> = {
  readAgents: 'passed',
  readRequests: 'passed',
  readParallelJobs: 'passed',
  seePlaceholder: 'noted',
  removeLeftovers: 'passed',
  register: 'passed',
  keepDisabled: 'passed',
  signIn: 'passed',
  openSession: 'passed',
  readBack: 'passed',
  disable: 'passed',
  delete: 'passed',
  cleanUp: 'passed',
  record: 'passed',
};

/** The n-th next calls of this verb fail like this. */
function fail(verb: string | RegExp, fault: FaultKind, times = Number.POSITIVE_INFINITY): () => void {
  const isVerb = (seen: string): boolean => (typeof verb === 'string' ? seen === verb : verb.test(seen));
  return world.devOps.faults.add(fault, (call) => isVerb(call.verb), times);
}
const token = /^POST oauth2\/token$/;
const session = /^POST .*\/sessions$/;
const status = (code: number): FaultKind => ({ kind: 'status', status: code });

describe('an organisation that takes such agents', () => {
  it('is told to work, with all that was learnt, and the control map says so', async () => {
    const report = await world.probe();
    expect(report).toMatchObject({
      verdict: 'works',
      learnt: {
        registration: 'heeds enabled=false',
        capabilities: 'replaced',
        disableWhileOnline: 'accepted',
        deleteWhileIdle: 'accepted',
        listenerTold: '404 TaskAgentNotFoundException after less than a second',
      },
      recordedIn: ['primary'],
      notRecordedIn: [],
    });
    expect(marks(report)).toEqual(allPassed);
    expect(await world.control()).toEqual({
      'mayfly.jit': 'works',
      'mayfly.jit.at': String(report.at),
      'mayfly.jit.learnt':
        'a session replaces capabilities; disable while online accepted; delete while idle accepted, the listener gets 404 TaskAgentNotFoundException after less than a second; registration heeds enabled=false',
    });
    expect([world.probeAgents(), world.exposed, report.leftBehind]).toEqual([[], [], undefined]);
    expect(verdictLine(report)).toMatch(/^jit works in pool 1 \(linux\) of contoso: .*\.$/);
  });

  it.each<{ limits: Partial<WorldLimits>; want: Learnt }>([
    { limits: { sessionCapabilities: 'replace' }, want: { capabilities: 'replaced' } },
    { limits: { sessionCapabilities: 'merge' }, want: { capabilities: 'merged' } },
    { limits: { sessionCapabilities: 'ignore' }, want: { capabilities: 'kept' } },
    { limits: { registersDisabled: false }, want: { registration: 'ignores enabled=false' } },
  ])('is found out about: $limits', async ({ limits, want }) => {
    Object.assign(world.devOps.world.limits, limits);
    expect(await world.probe()).toMatchObject({ verdict: 'works', learnt: want });
    expect([world.probeAgents(), world.exposed]).toEqual([[], []]);
  });

  it('counts the placeholders that it sees', async () => {
    world.devOps.world.addAgent(1, { name: `mf-${world.policy.installation}-ab12-1-p-abcdef` });
    expect(textOf(await world.probe(), 'seePlaceholder')).toMatch(/^1 of \d+$/);
  });

  it('works although the parallel jobs cannot be read', async () => {
    fail('getParallelJobs', status(403));
    const report = await world.probe();
    expect([report.verdict, marks(report)]).toEqual(['works', { ...allPassed, readParallelJobs: 'failed' }]);
  });

  it('works whatever the clock of this machine says', async () => {
    world.devOps.world.setSkew(-minutesMs(20));
    expect((await world.probe()).verdict).toBe('works');
  });

  it('is tried again where it does not know a fresh agent at once', async () => {
    fail(token, status(400), 2);
    fail(session, status(404), 1);
    expect(await world.probe()).toMatchObject({ verdict: 'works', learnt: { slowToBeKnown: true } });
  });
});

describe('an organisation that refuses such agents', () => {
  it.each<{ name: string; verb: string | RegExp; code: number; failed: ProbeStepId; says: RegExp }>([
    { name: 'the registration', verb: 'addAgent', code: 400, failed: 'register', says: /invalid 400/ },
    { name: 'the assertion', verb: token, code: 400, failed: 'signIn', says: /refuses the agent .* 400 No token for/ },
    { name: 'the session (403)', verb: session, code: 403, failed: 'openSession', says: /refuses the agent .* 403/ },
    { name: 'the session (401)', verb: session, code: 401, failed: 'openSession', says: /refuses the agent .* 401/ },
  ])('is told to fail: $name', async ({ verb, code, failed, says }) => {
    fail(verb, status(code));
    const report = await world.probe();
    expect([report.verdict, marks(report)[failed]]).toEqual(['fails', 'failed']);
    expect(report.because).toMatch(says);
    expect(await world.control()).toMatchObject({
      'mayfly.jit': 'fails',
      'mayfly.jit.learnt': expect.stringMatching(says),
    });
    expect(world.probeAgents()).toEqual([]);
  });

  it('replaces an earlier verdict, with what was learnt then', async () => {
    await world.probe();
    fail(token, status(400));
    await world.probe();
    expect(await world.control()).toMatchObject({
      'mayfly.jit': 'fails',
      'mayfly.jit.learnt': expect.not.stringContaining('delete while idle'),
    });
  });
});

describe('a run that finds nothing out', () => {
  // What is read is tried three times; after that it heals, so that the agent can be taken away.
  it.each<{ name: string; verb: string | RegExp; fault: FaultKind; times?: number; says: RegExp }>([
    { name: 'reading is forbidden', verb: 'listAgents', fault: status(403), says: /role Reader on this pool/ },
    { name: 'registering is forbidden', verb: 'addAgent', fault: status(403), says: /role Administrator on this pool/ },
    { name: 'requests cannot be read', verb: 'listJobRequests', fault: status(500), says: /no usable answer/ },
    { name: 'the credential is broken', verb: 'listAgents', fault: { kind: 'signInPage' }, says: /credential is not/ },
    { name: 'the server throttles', verb: 'addAgent', fault: status(429), says: /throttling/ },
    { name: 'the token endpoint is down', verb: token, fault: status(503), says: /no usable answer/ },
    { name: 'the token endpoint breaks off', verb: token, fault: { kind: 'lostBefore' }, says: /no usable answer/ },
    { name: 'a session gets a sign-in page', verb: session, fault: { kind: 'signInPage' }, says: /a sign-in page/ },
    { name: 'the registration has no reply', verb: 'addAgent', fault: { kind: 'lostAfter' }, says: /no usable answer/ },
    { name: 'the agent cannot be read', verb: 'getAgent', fault: status(500), times: 3, says: /no usable answer/ },
  ])('records nothing and says why: $name', async ({ verb, fault, times, says }) => {
    fail(verb, fault, times);
    const report = await world.probe();
    expect([report.verdict, report.because]).toEqual(['inconclusive', expect.stringMatching(says)]);
    expect(await world.control()).toBeUndefined();
    expect([report.recordedIn, world.exposed]).toEqual([[], []]);
  });

  it('takes the agent away whose registration had no reply', async () => {
    fail('addAgent', { kind: 'lostAfter' }, 1);
    const report = await world.probe();
    expect([report.verdict, world.probeAgents(), report.leftBehind]).toEqual(['inconclusive', [], undefined]);
  });

  it('has a server that nobody reaches', async () => {
    const report = await world.probe({ pools: poolsAt('http://127.0.0.1:9/contoso', 'x', world.clock) });
    expect([report.verdict, report.steps.map(({ id }) => id)]).toEqual(['inconclusive', ['readAgents', 'record']]);
  });

  it('names the right that is missing where only reading is allowed', async () => {
    const report = await world.probe({
      pools: poolsAt(world.devOps.url, world.devOps.addPat('guest', reader), world.clock),
    });
    expect(report.verdict).toBe('inconclusive');
    expect(report.because).toMatch(
      /Agent pools > the pool > Security > Add: role Administrator.*scope Agent Pools \(read & manage\).*403/,
    );
  });
});

describe('an agent that cannot be deleted', () => {
  it('while it has a session works all the same: it goes after that', async () => {
    fail('deleteAgent', status(400), 1);
    const report = await world.probe();
    expect(report).toMatchObject({ verdict: 'works', learnt: { deleteWhileIdle: 'refused' } });
    expect([marks(report).delete, world.probeAgents()]).toEqual(['failed', []]);
  });

  it('at all fails, and is told by name', async () => {
    fail('deleteAgent', status(400));
    const report = await world.probe();
    expect([report.verdict, report.leftBehind]).toEqual(['fails', expect.stringContaining(report.agentName)]);
    expect(world.devOps.world.listAgents(1)).toMatchObject([{ name: report.agentName, enabled: false, online: false }]);
  });

  it('because nobody answers is told too, and does not change what was found', async () => {
    fail('deleteAgent', status(503));
    const report = await world.probe();
    expect([report.verdict, report.leftBehind]).toEqual([
      'works',
      expect.stringMatching(/a run after an hour removes/),
    ]);
  });
});

describe('jobs of other people', () => {
  const queue = (): number => {
    const queued = world.devOps.world.queueJob({ poolId: 1 });
    if (queued.kind === 'refused') throw new Error(queued.message);
    return queued.requestId;
  };

  it('are never given to the probe, which no request can tell from any agent', async () => {
    world.devOps.world.addAgent(1, { name: 'static', version: '5.278.0' });
    const waiting = [queue(), queue()];
    expect((await world.probe()).verdict).toBe('works');
    const requests = waiting.map((id) => world.devOps.world.getJobRequest(1, id));
    expect(requests.map(({ assignments }) => assignments)).toEqual([[], []]);
  });

  it('that a server gives it all the same are not lost: the agent stays, its session does not, a person is told', async () => {
    Object.assign(world.devOps.world.limits, { assignsToDisabled: true });
    world.devOps.world.addAgent(1, { name: 'static', version: '5.278.0' });
    const requestId = queue();
    const report = await world.probe();
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      leftBehind: expect.stringContaining(`request ${requestId}`),
    });
    expect(world.devOps.world.getJobRequest(1, requestId).result).toBeUndefined();
    expect(world.devOps.world.listAgents(1, report.agentName)).toMatchObject([{ online: false, enabled: false }]);
    expect(world.devOps.journal.calls.filter(({ verb }) => verb === 'deleteAgent')).toEqual([]);
    expect(await world.control()).toBeUndefined();
  });
});

describe('an agent that cannot be disabled', () => {
  it('is never connected', async () => {
    Object.assign(world.devOps.world.limits, { registersDisabled: false });
    fail('updateAgent', status(403));
    const report = await world.probe();
    expect([report.verdict, marks(report).keepDisabled]).toEqual(['inconclusive', 'failed']);
    expect(world.devOps.journal.calls.some(({ verb }) => session.test(verb))).toBe(false);
    expect(world.probeAgents()).toEqual([]);
  });
});

describe('what earlier runs left', () => {
  it('is removed after each death at every call, an hour later, and nothing is ever exposed', async () => {
    const calls = await world.dyingProbe();
    expect(calls).toBeGreaterThan(15);
    for (let atCall = 0; atCall < calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        await world.dyingProbe({ atCall, when });
        world.clock.forward(hoursMs(1) + minutesMs(10));
        expect([atCall, when, (await world.probe()).verdict, world.probeAgents()]).toEqual([atCall, when, 'works', []]);
      }
    }
    expect(world.exposed).toEqual([]);
  }, 60_000);

  it.each([
    { name: 'is younger than an hour', agent: { name: 'd-00000001' }, afterMs: minutesMs(50) },
    { name: 'is of another installation', agent: { name: 'mf-othr-ab12-1-d-00000001' }, afterMs: hoursMs(2) },
    { name: 'has another form of name', agent: { name: 'd-0000000x' }, afterMs: hoursMs(2) },
    { name: 'is an agent for a request', agent: { name: '1001-1' }, afterMs: hoursMs(2) },
  ])('stays where it $name', async ({ agent, afterMs }) => {
    const { installation } = world.policy;
    const name = agent.name.startsWith('mf-') ? agent.name : `mf-${installation}-ab12-1-${agent.name}`;
    world.devOps.world.addAgent(1, { name, enabled: false });
    world.clock.forward(afterMs);
    expect((await world.probe()).verdict).toBe('works');
    expect(world.devOps.world.listAgents(1).map((each) => each.name)).toEqual([name]);
  });
});

describe('an interruption', () => {
  it('takes the agent away whatever step it meets', async () => {
    const steps = Object.keys(allPassed).slice(0, -2);
    for (const step of steps) {
      const interrupted = new AbortController();
      const onStep = ({ id }: { readonly id: string }): void => {
        if (id === step) interrupted.abort();
      };
      const report = await world.probe({ signal: interrupted.signal, onStep });
      const verdict = ['delete', 'disable'].includes(step) ? report.verdict : 'inconclusive';
      expect([step, report.verdict, world.probeAgents()]).toEqual([step, verdict, []]);
    }
    expect(world.exposed).toEqual([]);
  });
});

describe('recording', () => {
  it('goes on with the other clusters where one is out of reach', async () => {
    const dark = { ...world.cluster, name: 'dark', patchControl: () => Promise.reject(new Error('no route')) };
    const report = await world.probe({ clusters: [dark, world.cluster] });
    expect(report).toMatchObject({ verdict: 'works', recordedIn: ['primary'], notRecordedIn: ['dark'] });
    expect(marks(report).record).toBe('failed');
    expect(await world.control()).toMatchObject({ 'mayfly.jit': 'works' });
  });

  it('leaves what people wrote on the map', async () => {
    await world.cluster.patchControl(1, { paused: 'true' });
    await world.probe();
    expect(await world.control()).toMatchObject({ paused: 'true', 'mayfly.jit': 'works' });
  });
});

describe('what is told', () => {
  it('holds no credential of anybody, while a search for one finds one that is planted', async () => {
    const told: string[] = [];
    const issued: string[] = [];
    const add = world.devOps.tokens.add.bind(world.devOps.tokens);
    world.devOps.tokens.add = (entry) => {
      issued.push(entry.token);
      add(entry);
    };
    for (const verb of ['nothing', 'addAgent', token, session, 'deleteAgent'] as const) {
      const heal = fail(verb, status(400));
      told.push(JSON.stringify(await world.probe({ onStep: (step) => told.push(JSON.stringify(step)) })));
      told.push(JSON.stringify(await world.control()));
      heal();
    }
    const components = [...world.privateKey.matchAll(/"(?:d|p|q|dp|dq|inverseQ)":"([^"]{40,})"/g)].map(
      ([, text]) => text ?? '',
    );
    const secrets = [world.devOps.pat, basic(world.devOps.pat).slice(6), ...components, ...issued];
    const found = (text: string): readonly string[] => secrets.filter((secret) => text.includes(secret));
    expect([components.length, issued.length > 0]).toEqual([12, true]);
    expect(found(told.join('\n'))).toEqual([]);
    expect(found(`${told.join('\n')} ${issued[0] ?? ''}`)).toHaveLength(1);
  });
});
