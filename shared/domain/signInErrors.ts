/**
 * Why Entra refuses a user who has signed in, in words with the fix. Entra says so by number (AADSTS); numbers may
 * change (learn.microsoft.com, reference-error-codes, 2026-10), so they choose words only, never what is done.
 */

const again = 'Sign in again: `npm run sign-in`.';

const refusals: Readonly<Record<string, string>> = {
  '700082': `The sign-in has expired, because it was not used for 90 days. ${again}`,
  '70008': `The sign-in has expired or was revoked. ${again}`,
  '700081': `The sign-in has reached its greatest age. ${again}`,
  '700084': 'The app is registered as a single-page app, whose sign-ins end after a day. Register a public client.',
  '70043': `Conditional Access limits how long a sign-in lasts. Exempt the service user, or sign in again: \`npm run sign-in\`.`,
  '50173': `The password of the service user was changed, or its sign-ins were revoked. ${again}`,
  '50132': `The sessions of the service user were revoked. ${again}`,
  '50133': `The password of the service user has expired or was changed. ${again}`,
  '50055': `The password of the service user has expired. Change it, then sign in again: \`npm run sign-in\`.`,
  '50057': 'The service user is disabled. Enable it in Entra, then sign in again: `npm run sign-in`.',
  '50034': 'The service user is not in this tenant. Check the tenant id, and that the user was not deleted.',
  '50053': 'The service user is locked after too many wrong passwords. Unlock it, then sign in again.',
  '50105': 'The service user is not assigned to the app. Assign it under Enterprise applications.',
  '50076': `Multifactor authentication is asked for. ${again} Answer the prompt; with a device code it may be refused.`,
  '50079': `The service user has to set up multifactor authentication. Sign in with \`npm run sign-in\` and set it up.`,
  '50078': `The multifactor authentication has expired. ${again}`,
  '50158': `An outside security check was not passed. ${again}`,
  '53000': 'Conditional Access wants a compliant device. Exempt the service user from that policy for this app.',
  '53001': 'Conditional Access wants a domain-joined device. Exempt the service user from that policy for this app.',
  '53003':
    'Conditional Access blocks the sign-in. Exempt the service user, or allow the outbound addresses of the app.',
  '530003': 'Conditional Access wants a registered device. Exempt the service user from that policy for this app.',
  '65001': 'Nobody has consented to the app. Let an administrator grant user_impersonation for Azure DevOps.',
  '7000218': 'The app is no public client. Allow public client flows under Authentication of the app registration.',
  '700016': 'There is no such app in this tenant. Check the client id and the tenant id.',
  '90002': 'There is no such tenant. Check the tenant id.',
  '50011':
    'The app does not allow the redirect. Add http://localhost as a redirect of a mobile and desktop application.',
  '70011': 'The scope is not known. Give the app the delegated permission user_impersonation for Azure DevOps.',
  '70000': `The sign-in is not valid here. ${again}`,
  '9002313': 'Entra cannot read the request: what lies in the vault is no sign-in. Sign in again: `npm run sign-in`.',
  '54005': 'The code was used already. Begin the sign-in anew.',
  '501481': 'The code was asked for by another program. Begin the sign-in anew.',
  '70018': 'The device code is not known. Begin the sign-in anew.',
  '70016': 'Nobody has entered the device code yet. Open the page that was named and enter it.',
  '70019': 'The sign-in was declined on the page where the device code is entered. Begin the sign-in anew.',
  '65004': 'The sign-in was cancelled in the browser. Begin the sign-in anew.',
  '70020': 'The device code has expired. Begin the sign-in anew, and enter the code within 15 minutes.',
};

/** The numbers that have words. */
export const signInErrorCodes: readonly string[] = Object.keys(refusals);

/** "AADSTS50173: words with the fix"; a number without words is told as it is. */
export function signInErrorText(code: string): string {
  return `AADSTS${code}: ${refusals[code] ?? `See https://login.microsoftonline.com/error?code=${code}. ${again}`}`;
}
