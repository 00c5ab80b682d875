import { describe, expect, it } from 'vitest';
import { type IgnoredReason, maxBodyBytes, parseBody, parseEvent } from '../../../shared/hooks/parse.ts';
import { hookFixture } from '../../support/hooks.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const id = (n: number): string => `e0000000-0000-4000-8000-00000000000${n}`;
const birch = Array.from({ length: 3 }, () => 'https://dev.azure.com/birch/');

describe('parseBody', () => {
  const events = [
    { name: 'waiting', want: { state: 'waiting', eventId: id(1), organisationUrls: birch } },
    { name: 'running', want: { state: 'running', eventId: id(2), organisationUrls: birch } },
    { name: 'completed', want: { state: 'completed', eventId: id(3), organisationUrls: birch } },
    { name: 'minimal', want: { state: 'unstated', eventId: id(4), organisationUrls: birch } },
    { name: 'resourceNone', want: { state: 'unstated', eventId: id(5), organisationUrls: birch } },
    { name: 'otherCase', want: { state: 'waiting', eventId: id(8).toUpperCase(), organisationUrls: birch } },
    { name: 'oddState', want: { state: 'other', organisationUrls: birch } },
    { name: 'wrongTypes', want: { state: 'unstated', organisationUrls: [] } },
    {
      name: 'testButton',
      want: { state: 'waiting', eventId: '00000000-0000-0000-0000-000000000000', organisationUrls: [] },
    },
  ];
  it.each(events)('takes the payload $name for a job event', ({ name, want }) => {
    expect(parseBody(bytes(hookFixture(name)))).toEqual({ kind: 'jobEvent', ...want });
  });

  const rest: { name: string; given: string | Uint8Array; want: IgnoredReason }[] = [
    { name: 'a run-state event', given: hookFixture('runState'), want: 'otherEvent' },
    { name: 'build.complete', given: hookFixture('buildComplete'), want: 'otherEvent' },
    { name: 'nothing', given: '', want: 'empty' },
    { name: 'blanks', given: ' \r\n ', want: 'empty' },
    { name: 'half an event', given: hookFixture('waiting').slice(0, 200), want: 'notJson' },
    { name: 'a form', given: 'eventType=x', want: 'notJson' },
    { name: 'compressed bytes', given: new Uint8Array([0x1f, 0x8b, 8, 0, 255, 254]), want: 'notJson' },
    { name: 'a list', given: '[]', want: 'notAnEvent' },
    { name: 'null', given: 'null', want: 'notAnEvent' },
    { name: 'text', given: '"ms.vss-pipelines.job-state-changed-event"', want: 'notAnEvent' },
    { name: 'an event type that is no text', given: '{"eventType":{}}', want: 'notAnEvent' },
    { name: 'a prototype for an event', given: '{"__proto__":{"eventType":"x"}}', want: 'notAnEvent' },
    { name: 'brackets without end', given: '['.repeat(1_000_000), want: 'notJson' },
    { name: 'more than 2 MB', given: new Uint8Array(maxBodyBytes + 1).fill(32), want: 'tooLarge' },
  ];
  it.each(rest)('ignores $name as $want', ({ given, want }) => {
    expect(parseBody(typeof given === 'string' ? bytes(given) : given)).toEqual({ kind: 'ignored', reason: want });
  });

  it('reads an event behind a byte order mark', () => {
    expect(parseBody(bytes(`\uFEFF${hookFixture('waiting')}`)).kind).toBe('jobEvent');
  });
});

describe('parseEvent', () => {
  it('does not take an inherited name for a state', () => {
    const event = {
      eventType: 'ms.vss-pipelines.job-state-changed-event',
      resource: { job: { state: 'constructor' } },
    };
    expect(parseEvent(event)).toEqual({ kind: 'jobEvent', state: 'other', organisationUrls: [] });
  });
});
