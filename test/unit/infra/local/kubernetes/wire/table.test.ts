import { describe, expect, it } from 'vitest';
import { asTable } from '../../../../../../infra/local/kubernetes/wire/table.ts';
import type { JsonObject, JsonValue } from '../../../../../../shared/domain/json.ts';

const now = Date.UTC(2026, 0, 5, 8);
const metadata = { name: 'one', creationTimestamp: '2026-01-05T07:59:00Z' };

function cellsOf(kind: string, object: JsonObject): readonly JsonValue[] {
  const { rows } = asTable(kind, { metadata, ...object }, now, null);
  return ((rows as readonly JsonObject[])[0]?.['cells'] ?? []) as readonly JsonValue[];
}

describe('the status of a Job in a table', () => {
  const condition = (type: string): JsonObject => ({ conditions: [{ type, status: 'True' }] });
  const deleted = { ...metadata, deletionTimestamp: '2026-01-05T08:00:00Z' };
  const rows: readonly { name: string; given: JsonObject; want: string }[] = [
    { name: 'is Running without conditions', given: {}, want: 'Running' },
    { name: 'is Suspended', given: { status: condition('Suspended') }, want: 'Suspended' },
    { name: 'is Complete', given: { status: condition('Complete') }, want: 'Complete' },
    {
      name: 'is Failed, also while it is deleted',
      given: { metadata: deleted, status: condition('Failed') },
      want: 'Failed',
    },
    { name: 'is Terminating while its dependents go', given: { metadata: deleted }, want: 'Terminating' },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(cellsOf('Job', given)[1]).toBe(want);
  });

  it('comes with how long it took', () => {
    const status = { startTime: '2026-01-05T07:50:00Z', completionTime: '2026-01-05T07:53:00Z', succeeded: 1 };
    expect(cellsOf('Job', { status }).slice(2, 5)).toEqual(['1/1', '3m', '60s']);
  });
});

describe('the status of a Pod in a table', () => {
  const container = (state: JsonObject): JsonObject => ({ name: 'agent', ready: false, restartCount: 0, state });
  const spec = { initContainers: [{}], containers: [{}] };
  const rows: readonly { name: string; given: JsonObject; want: string }[] = [
    { name: 'is its phase while nothing is known', given: { status: { phase: 'Pending' } }, want: 'Pending' },
    {
      name: 'is why a container waits',
      given: {
        status: { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ImagePullBackOff' } })] },
      },
      want: 'ImagePullBackOff',
    },
    {
      name: 'is why a container ended',
      given: {
        status: {
          phase: 'Failed',
          containerStatuses: [container({ terminated: { exitCode: 137, reason: 'OOMKilled' } })],
        },
      },
      want: 'OOMKilled',
    },
    {
      name: 'is the exit code where no reason is given',
      given: { status: { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 3 } })] } },
      want: 'ExitCode:3',
    },
    {
      name: 'counts the init containers',
      given: { status: { phase: 'Pending', initContainerStatuses: [container({ running: {} })] } },
      want: 'Init:0/1',
    },
    {
      name: 'is why an init container failed',
      given: { status: { initContainerStatuses: [container({ terminated: { exitCode: 1, reason: 'Error' } })] } },
      want: 'Init:Error',
    },
    { name: 'is why it was evicted', given: { status: { phase: 'Failed', reason: 'Evicted' } }, want: 'Evicted' },
    {
      name: 'is Terminating while its grace runs',
      given: { metadata: { ...metadata, deletionTimestamp: '2026-01-05T08:00:00Z' }, status: { phase: 'Running' } },
      want: 'Terminating',
    },
    {
      name: 'is Unknown when its node is lost',
      given: {
        metadata: { ...metadata, deletionTimestamp: '2026-01-05T08:00:00Z' },
        status: { phase: 'Running', reason: 'NodeLost' },
      },
      want: 'Unknown',
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(cellsOf('Pod', { spec, ...given })[2]).toBe(want);
  });
});

describe('a table', () => {
  it('shows name and age of what has no columns of its own', () => {
    expect(cellsOf('NetworkPolicy', {})).toEqual(['one', '60s']);
  });

  it('never shows the data of a Secret', () => {
    const secret = { metadata, type: 'Opaque', data: { a: 'czNjcjN0' } };
    expect(JSON.stringify(asTable('Secret', secret, now, null))).not.toContain('czNjcjN0');
    expect(cellsOf('Secret', secret)).toEqual(['one', 'Opaque', 1, '60s']);
  });

  it.each([
    {
      name: 'metadata by default',
      given: null,
      want: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata },
    },
    { name: 'nothing on demand', given: 'None', want: undefined },
    { name: 'the object on demand', given: 'Object', want: { metadata } },
  ])('carries $name', ({ given, want }) => {
    const { rows } = asTable('Secret', { metadata }, now, given);
    expect((rows as readonly JsonObject[])[0]?.['object']).toEqual(want);
  });
});
