/** What we use of @azure/keyvault-secrets, by name. Loaded with import(). */
export { SecretClient } from '@azure/keyvault-secrets';
