import type { TokenSource } from '../../ports.ts';

/** What the @azure packages want of a credential (TokenCredential of @azure/core-auth). */
export interface AzureTokenCredential {
  getToken(scopes: string | string[]): Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
}

/** One source of tokens, and so one cache, behind every Azure client. */
export function tokenCredential(tokens: TokenSource): AzureTokenCredential {
  return {
    getToken: async (scopes) => {
      const scope = typeof scopes === 'string' ? scopes : scopes.join(' ');
      const { token, expiresAt } = await tokens.getToken(scope);
      return { token: token.reveal(), expiresOnTimestamp: expiresAt };
    },
  };
}
