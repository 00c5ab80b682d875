/** How a notification leaves the house: its headers and the request itself. */
import type { Inputs } from './subscription.ts';

export interface HookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the receiver said. */
export interface HookResponse {
  readonly status: number;
  readonly body: string;
}

/** Sends one notification; a bare number is a status without a body. Rejects when there is no answer. */
export type PostHook = (request: HookRequest) => Promise<HookResponse | number>;

/** Basic auth, and "Name:value" per line (webhooks.md). */
export function hookHeaders(inputs: Inputs): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  for (const line of (inputs['httpHeaders'] ?? '').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { basicAuthUsername = '', basicAuthPassword = '' } = inputs;
  if (basicAuthUsername !== '' || basicAuthPassword !== '') {
    headers['authorization'] = `Basic ${Buffer.from(`${basicAuthUsername}:${basicAuthPassword}`).toString('base64')}`;
  }
  return headers;
}

/** Posts with global fetch. Redirects are not followed: a 3xx is an error like any other. */
export const fetchPost = async ({ url, headers, body }: HookRequest): Promise<HookResponse> => {
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual' });
  return { status: response.status, body: await response.text() };
};
