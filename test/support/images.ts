/** A rebuilt image: valid by default, overridable in any field. */

import type { ImagePolicy } from '../../shared/domain/imagePolicy.ts';
import { type ImageState, noImageState } from '../../shared/domain/imageState.ts';
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';

/** A digest that can be told from others: of one digit. */
export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

export const anImagePolicy = (overrides: Partial<ImagePolicy> = {}): ImagePolicy => ({
  name: 'linux',
  reference: 'registry.contoso.example/agent:weekly',
  allowedRepositories: ['registry.contoso.example/agent'],
  schedule: { weekday: 0, hour: 3, zone: 'Europe/Berlin' },
  provenAgents: 2,
  keptImages: 5,
  maxAgeMs: hoursMs(24 * 21),
  buildTimeoutMs: minutesMs(60),
  followTag: false,
  ...overrides,
});

export const anImageState = (overrides: Partial<ImageState> = {}): ImageState => ({ ...noImageState, ...overrides });
