/**
 * A refusal of the Azure DevOps world, as the server words it: a type key that clients switch on, a text for people
 * and the HTTP status that carries both.
 */
export const typeKeys = [
  'TaskAgentExistsException',
  'TaskAgentNotFoundException',
  'TaskAgentPoolNotFoundException',
  'TaskAgentJobStillRunningException',
  'TaskAgentJobNotFoundException',
  'TaskAgentJobTokenExpiredException',
  'TaskAgentSessionConflictException',
  'TaskAgentSessionExpiredException',
  'BuildNotFoundException',
  'InvalidPipelineOperationException',
  'AccessDeniedException',
  'ArgumentException',
] as const;

export type TypeKey = (typeof typeKeys)[number];

export class WorldError extends Error {
  override readonly name = 'WorldError';
  readonly typeKey: TypeKey;
  readonly status: number;

  constructor(typeKey: TypeKey, status: number, message: string) {
    super(message);
    this.typeKey = typeKey;
    this.status = status;
  }
}

export const poolNotFound = (poolId: number): WorldError =>
  new WorldError('TaskAgentPoolNotFoundException', 404, `No agent pool found with identifier ${poolId}.`);

export const agentNotFound = (poolId: number, agentId: number): WorldError =>
  new WorldError('TaskAgentNotFoundException', 404, `No agent found in pool ${poolId} with identifier ${agentId}.`);

export const runNotFound = (runId: number): WorldError =>
  new WorldError('BuildNotFoundException', 404, `The requested build ${runId} could not be found.`);

export const requestNotFound = (requestId: number): WorldError =>
  new WorldError('TaskAgentJobNotFoundException', 404, `No job request found with identifier ${requestId}.`);

export const sessionExpired = (): WorldError =>
  new WorldError('TaskAgentSessionExpiredException', 404, 'The session has expired.');
