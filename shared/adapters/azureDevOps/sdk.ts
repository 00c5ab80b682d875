/** What we use of azure-devops-node-api. Loaded with import(): it takes longer to load than a hook may wait. */
import azureDevOps from 'azure-devops-node-api';

export const { WebApi, getBearerHandler, getPersonalAccessTokenHandler } = azureDevOps;
