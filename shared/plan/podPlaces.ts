/** What is Mayfly's own in a pod: its volumes, where they are mounted, and its init containers. */
import type { Template } from '../domain/template.ts';

export { agentContainer, registerContainer } from '../domain/containers.ts';

/** The init container that copies the agent into an image that is not ours. */
export const injectContainer = 'inject';

/** The volume of the agent's files, of which one is its private key. */
export const agentFilesVolume = 'agent-files';
export const agentFilesFolder = '/mayfly/agent';
/** The agent's own copies of them. */
export const runVolume = 'run';
export const runFolder = '/mayfly/run';
/** The pool's credential, for the init container that registers. */
export const registrationVolume = 'registration';
export const registrationFolder = '/mayfly/registration';
/** The agent and its entrypoint; part of the image, or copied there. */
export const injectVolume = 'inject';
export const agentImageFolder = '/opt/mayfly';
/** Not `ca-bundle`, which is what people call a volume of theirs. */
export const caVolume = 'mayfly-ca';
export const caFolder = '/mayfly/ca';

export type Os = Template['os'];
