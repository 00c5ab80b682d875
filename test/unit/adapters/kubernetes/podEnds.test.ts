import { describe, expect, it } from 'vitest';
import { readPod } from '../../../../shared/adapters/kubernetes/pods.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { aPodObject } from './podObjects.ts';

const pulls: readonly { name: string; reason?: string; given: string; want: string | undefined }[] = [
  { name: 'a tag that does not exist', given: 'manifest for agent:2 not found: manifest unknown', want: 'notFound' },
  {
    name: 'a repository that does not exist, or is private',
    given: 'pull access denied, repository does not exist or may require authorization: server message: denied',
    want: 'notFound',
  },
  { name: 'no name at all', reason: 'InvalidImageName', given: "couldn't parse image name", want: 'notFound' },
  { name: 'no credential', given: 'failed to authorize: 401 Unauthorized', want: 'unauthorized' },
  { name: 'a credential without the right', given: 'unexpected status: 403 Forbidden', want: 'unauthorized' },
  { name: 'a limit', given: 'toomanyrequests: You have reached your pull rate limit', want: 'rateLimited' },
  { name: 'a limit by its status', given: 'unexpected status: 429 Too Many Requests', want: 'rateLimited' },
  { name: 'something else', given: 'dial tcp: lookup registry.example: no such host', want: undefined },
];

const disruptions: readonly { name: string; given: JsonObject; want: string | undefined }[] = [
  {
    name: 'the condition',
    given: aPodObject({ conditions: { DisruptionTarget: { status: 'True', reason: 'DeletionByPodGC' } } }),
    want: 'DeletionByPodGC',
  },
  {
    name: 'the condition taken back',
    given: aPodObject({ conditions: { DisruptionTarget: { status: 'False', reason: 'PreemptionByScheduler' } } }),
    want: undefined,
  },
  {
    name: 'the reason of an older kubelet',
    given: aPodObject({ status: { phase: 'Failed', reason: 'NodeLost' } }),
    want: 'NodeLost',
  },
  {
    name: 'a reason that is the own fault of the pod',
    given: aPodObject({ status: { phase: 'Failed', reason: 'DeadlineExceeded' } }),
    want: undefined,
  },
];

describe('a pod', () => {
  it.each(pulls)('whose image cannot be pulled because of $name', ({ reason = 'ErrImagePull', given, want }) => {
    const { pod } = readPod(aPodObject({ agent: { waiting: { reason, message: given } } }));
    expect([pod.cause, pod.message, pod.pullTrouble]).toEqual(['imagePull', given, want]);
  });

  it.each(disruptions)('is ended by others as $name says', ({ given, want }) => {
    expect(readPod(given).pod.disruption).toBe(want);
  });

  it('that a sidecar keeps running tells when its agent ended', () => {
    const terminated = { exitCode: 1, reason: 'Error', finishedAt: '2026-01-05T08:10:00Z' };
    const { pod } = readPod(aPodObject({ status: { phase: 'Running' }, agent: { terminated } }));
    expect(pod).toMatchObject({
      phase: 'Running',
      exitCode: 1,
      mainFinishedAt: Date.parse('2026-01-05T08:10:00Z'),
    });
  });
});
