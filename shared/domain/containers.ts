/** The name of the container in which the agent runs. */
export const agentContainer = 'agent';
/** The name of the init container that registers the agent, where the control plane does not. */
export const registerContainer = 'register';
