/** Keys of the host and its functions. Source: Azure Functions documentation, "Work with access keys". */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface FunctionKeys {
  readonly master: string;
  /** The host's default key: opens every function. */
  readonly host: string;
  readonly functions: Readonly<Record<string, string>>;
  /** The system key eventgrid_extension: opens the web hook of that extension. */
  readonly eventGrid: string;
}

export function functionKeys(names: readonly string[], given: Partial<FunctionKeys> = {}): FunctionKeys {
  const fresh = (): string => randomBytes(40).toString('base64url');
  const functions = Object.fromEntries(names.map((name) => [name, given.functions?.[name] ?? fresh()]));
  const { master = fresh(), host = fresh(), eventGrid = fresh() } = given;
  return { master, host, functions, eventGrid };
}

/** The key of a call: the header wins over `?code=`. */
function keyOf(request: IncomingMessage, url: URL): string | undefined {
  const header = request.headers['x-functions-key'];
  return (typeof header === 'string' ? header : undefined) ?? url.searchParams.get('code') ?? undefined;
}

export function isMaster(keys: FunctionKeys, request: IncomingMessage, url: URL): boolean {
  return fits(keyOf(request, url), [keys.master]);
}

export function isSystemKey(keys: FunctionKeys, request: IncomingMessage, url: URL): boolean {
  return fits(keyOf(request, url), [keys.eventGrid, keys.master]);
}

/** What an authLevel lets through: anonymous all, function any of its keys, admin only the master key. */
export function mayCall(
  keys: FunctionKeys,
  name: string,
  authLevel: string,
  key: { request: IncomingMessage; url: URL },
): boolean {
  if (authLevel === 'anonymous') return true;
  const allowed = authLevel === 'admin' ? [keys.master] : [keys.functions[name] ?? '', keys.host, keys.master];
  return fits(keyOf(key.request, key.url), allowed);
}

function fits(given: string | undefined, allowed: readonly string[]): boolean {
  if (given === undefined || given === '') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return allowed.some((key) => key !== '' && timingSafeEqual(digest(key), digest(given)));
}
