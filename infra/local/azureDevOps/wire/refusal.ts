/** Refusals of the door itself, in the same envelope as the world's. */
import type { WorldError } from '../worldError.ts';

export class WireRefusal extends Error {
  override readonly name = 'WireRefusal';
  readonly status: number;
  readonly typeKey: string;

  constructor(status: number, typeKey: string, message: string) {
    super(message);
    this.status = status;
    this.typeKey = typeKey;
  }
}

export const badArgument = (message: string): WireRefusal => new WireRefusal(400, 'ArgumentException', message);

export const notModelled = (what: string): WireRefusal =>
  new WireRefusal(501, 'NotModelledException', `The stand-in does not model ${what}.`);

/** The text that clients of the real service match on (seen in public source files). */
export const needsManage = (caller: string, pool: string): WireRefusal =>
  new WireRefusal(
    403,
    'AccessDeniedException',
    `Access denied. ${caller} needs Manage permissions for pool ${pool} to perform the action.`,
  );

export const accessDenied = (message: string): WireRefusal => new WireRefusal(403, 'AccessDeniedException', message);

/** A refusal as Azure DevOps spells it: people read `message`, clients switch on `typeKey`. */
export function refusalJson(error: WireRefusal | WorldError): Readonly<Record<string, unknown>> {
  const { message, typeKey } = error;
  const namespace = 'Microsoft.TeamFoundation.DistributedTask.WebApi';
  const typeName = `${namespace}.${typeKey}, ${namespace}`;
  return { $id: '1', innerException: null, message, typeName, typeKey, errorCode: 0, eventId: 3000 };
}

/** A JSON answer with any status; hono's own helper wants literals. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const text = JSON.stringify(body);
  return new Response(text, { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers } });
}
