/** The resource of Azure DevOps at Entra. Here and not in rest.ts, because naming it must not load an SDK. */
export const azureDevOpsScope = '499b84ac-1321-427f-aa17-267ca6975798/.default';
