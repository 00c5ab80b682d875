/** What keeps an image from being pulled, in the words of registries as the kubelet passes them on. */
import type { AgentPod } from '../../domain/agentJob.ts';

type PullTrouble = NonNullable<AgentPod['pullTrouble']>;

/**
 * The first that fits. Docker Hub answers "pull access denied, repository does not exist or may require authorization"
 * for a name that does not exist and for one that is private alike: that is told as a name, the commoner mistake.
 */
const words: readonly (readonly [PullTrouble, RegExp])[] = [
  ['rateLimited', /toomanyrequests|too many requests|rate ?limit|\b429\b|pull QPS exceeded/i],
  ['notFound', /repository does not exist|not found|manifest unknown|name unknown|\b404\b|invalid reference format/i],
  ['unauthorized', /unauthorized|authentication|authorization|no basic auth|denied|forbidden|\b40[13]\b/i],
];

export function pullTrouble(reason: string, message: string | undefined): PullTrouble | undefined {
  if (reason === 'InvalidImageName') return 'notFound';
  return words.find(([, pattern]) => pattern.test(message ?? ''))?.[0];
}
