import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortHash } from '../../../shared/domain/hash.ts';
import {
  agentJobName,
  annotationPointer,
  maxNameLength,
  organisationShort,
  parseName,
  placeholderName,
} from '../../../shared/domain/names.ts';

const scope = { installation: 'prod', organisation: 'a1b2', poolId: 42 };

describe('names', () => {
  it.each([
    {
      name: 'an agent job of a request',
      given: agentJobName(scope, { kind: 'request', requestId: 1001, attempt: 2 }, 'linux'),
      want: { kind: 'request', requestId: 1001, attempt: 2 },
    },
    {
      name: 'a warm agent job',
      given: agentJobName(scope, { kind: 'warm', slot: 3, minute: 29000000 }, 'linux'),
      want: { kind: 'warm', template6: shortHash('linux', 6), slot: 3, minute: 29000000 },
    },
    {
      name: 'a placeholder',
      given: placeholderName(scope, 'linux'),
      want: { kind: 'placeholder', template6: shortHash('linux', 6) },
    },
    { name: 'a name without our mark', given: 'build-agent-1', want: undefined },
    { name: 'a name of another installation', given: 'mf-test-a1b2-42-1001-1', want: undefined },
    { name: 'a name of a pool whose id begins alike', given: 'mf-prod-a1b2-421-1001-1', want: undefined },
    { name: 'a name with something behind it', given: 'mf-prod-a1b2-42-1001-1-x', want: undefined },
  ])('reads back $name', ({ given, want }) => {
    expect(parseName(scope, given)).toEqual(want);
  });

  it('keeps every name within 63 characters and readable, whatever the ids', () => {
    const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 31 }),
        id,
        fc.integer({ min: 1, max: 999 }),
        (poolId, requestId, attempt) => {
          const wide = { ...scope, poolId };
          const name = agentJobName(wide, { kind: 'request', requestId, attempt }, 'linux');
          expect(name.length).toBeLessThanOrEqual(maxNameLength);
          expect(parseName(wide, name)).toEqual({ kind: 'request', requestId, attempt });
        },
      ),
    );
  });

  it('gives an organisation one short form, however its URL ends', () => {
    expect(organisationShort('https://dev.azure.com/Contoso/')).toBe(
      organisationShort('https://dev.azure.com/contoso'),
    );
  });

  it('escapes an annotation as JSON Pointer demands', () => {
    expect(annotationPointer('mayfly.dev/phase')).toBe('/metadata/annotations/mayfly.dev~1phase');
  });
});
