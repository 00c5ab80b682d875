/** Images for an app that has none. */
import { type Images, imagesOver } from '../../shared/images.ts';
import type { Clock } from '../../shared/ports.ts';

export const noImages = (clock: Clock): Images =>
  imagesOver({ images: [], deps: { registry: { resolve: async () => undefined }, clock } });
