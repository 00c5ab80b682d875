import { describe, expect, it } from 'vitest';
import { type AnsweredStatus, kindOfStatus, retryAfterMs } from '../../../../../shared/adapters/kubernetes/status.ts';
import type { UpstreamErrorKind } from '../../../../../shared/domain/errors.ts';

describe('kindOfStatus', () => {
  const rows: { name: string; given: AnsweredStatus; want: UpstreamErrorKind }[] = [
    { name: 'a missing or dead token', given: { status: 401 }, want: 'unauthorized' },
    { name: 'a right that is lacking, or a quota', given: { status: 403 }, want: 'forbidden' },
    { name: 'no such object', given: { status: 404 }, want: 'notFound' },
    { name: 'a name that is taken', given: { status: 409, reason: 'AlreadyExists', verb: 'create' }, want: 'conflict' },
    {
      name: 'a create that collided at a quota',
      given: { status: 409, reason: 'Conflict', verb: 'create' },
      want: 'unavailable',
    },
    { name: 'a precondition that fails', given: { status: 409, reason: 'Conflict', verb: 'delete' }, want: 'conflict' },
    { name: 'a create whose 409 has no reason', given: { status: 409, verb: 'create' }, want: 'conflict' },
    { name: 'a revision that is forgotten', given: { status: 410 }, want: 'unavailable' },
    { name: 'a failing test of a patch', given: { status: 422 }, want: 'invalid' },
    { name: 'a body that does not decode', given: { status: 400 }, want: 'invalid' },
    { name: 'too many requests', given: { status: 429 }, want: 'throttled' },
    { name: 'an error of the server', given: { status: 500 }, want: 'unavailable' },
    { name: 'a gateway that gave up', given: { status: 504 }, want: 'unavailable' },
    { name: 'a redirect', given: { status: 302 }, want: 'unexpected' },
  ];
  it.each(rows)('calls $name $want', ({ given, want }) => {
    expect(kindOfStatus(given)).toBe(want);
  });
});

describe('retryAfterMs', () => {
  it.each([
    { given: '5', want: 5000 },
    { given: ' 0 ', want: 0 },
    { given: 'Wed, 21 Oct 2026 07:28:00 GMT', want: undefined },
    { given: null, want: undefined },
  ])('reads $given', ({ given, want }) => {
    expect(retryAfterMs(given)).toBe(want);
  });
});
