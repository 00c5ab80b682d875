/** Names and marks of the DaemonSets that pull images ahead of agents. */
import { imageShort } from './imageState.ts';
import { domainPrefix } from './names.ts';

/** A label of its own: no rule about agent jobs may ever select one of these. */
export const prePullLabel = `${domainPrefix}/pre-pull`;
/** Annotation: tells whether what is there is what would be made now. */
export const prePullFingerprint = `${domainPrefix}/fingerprint`;

/** What is not named so is of another installation. */
export const prePullPrefix = (installation: string): string => `mf-${installation}-pull-`;

export const prePullName = (installation: string, image: string): string =>
  `${prePullPrefix(installation)}${imageShort(image)}`;
