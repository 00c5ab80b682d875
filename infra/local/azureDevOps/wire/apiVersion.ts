/**
 * The api-version, in the query or as a parameter of Accept. Reading without one is allowed; changing anything is
 * not, and a version newer than the service is refused (learn.microsoft.com, REST API versioning).
 */
import { WireRefusal } from './refusal.ts';
import type { WireContext } from './wire.ts';

const newest = 7.2;
const newestReleased = 7.1;

function versionOf(c: WireContext): string | undefined {
  const inAccept = /api-version=([^;,\s]+)/i.exec(c.req.header('accept') ?? '');
  return c.req.query('api-version') ?? inAccept?.[1];
}

/** What is wrong with the version of a call; undefined = nothing. */
export function versionProblem(c: WireContext): WireRefusal | undefined {
  const version = versionOf(c);
  const { method } = c.req;
  if (version === undefined) {
    if (method === 'GET' || method === 'OPTIONS') return undefined;
    return new WireRefusal(400, 'VssVersionNotSpecifiedException', `No api-version came with the ${method} request.`);
  }
  const match = /^(\d+\.\d+)(-preview(\.\d+)?)?$/.exec(version);
  const number = Number(match?.[1]);
  if (match === null || number > newest) {
    return new WireRefusal(400, 'VssVersionOutOfRangeException', `The api-version "${version}" is not supported.`);
  }
  if (number <= newestReleased || match[2] !== undefined) return undefined;
  const message = `Version "${version}" is in preview: the api-version needs the -preview flag.`;
  return new WireRefusal(400, 'VssInvalidPreviewVersionException', message);
}
