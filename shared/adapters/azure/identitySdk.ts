/** What we use of @azure/identity, by name, so that a bundle leaves its chain of credentials out. */
export { ManagedIdentityCredential, WorkloadIdentityCredential } from '@azure/identity';
