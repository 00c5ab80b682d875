/** The name of the container in which the agent runs. */
export const agentContainer = 'agent';
