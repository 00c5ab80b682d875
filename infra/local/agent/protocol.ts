/** What goes over the wire between agent and server, as far as this agent reads it. */
import { z } from 'zod';

export const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** A key that is not encrypted is taken as it is (azure-pipelines-agent MessageListener.cs, GetMessageDecryptor). */
export const sessionSchema = z.object({
  sessionId: z.string(),
  encryptionKey: z.object({ encrypted: z.boolean(), value: z.base64() }),
});

export const messageTypeSchema = z.object({ messageType: z.string() });

export const messageSchema = z.object({
  messageId: z.number(),
  messageType: z.string(),
  iv: z.base64(),
  body: z.base64(),
});

export const jobMessageSchema = z.object({
  requestId: z.number(),
  jobId: z.string(),
  jobName: z.string(),
  plan: z.object({ planId: z.string(), planType: z.string() }),
  /** How long to work; a real worker would find that out by working. */
  variables: z.object({ 'mayfly.durationMs': z.object({ value: z.coerce.number().min(0) }) }),
});

export type JobMessage = z.infer<typeof jobMessageSchema>;

export const cancellationSchema = z.object({ jobId: z.string() });

export type IncomingMessage =
  | { readonly kind: 'job'; readonly id: number; readonly job: JobMessage }
  | { readonly kind: 'cancellation'; readonly id: number; readonly jobId: string }
  | { readonly kind: 'other'; readonly id: number };

/** The server said no. `typeKey` is its exception's name, by which the agent decides what to do. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly typeKey: string;

  constructor(call: string, status: number, typeKey: string) {
    super(`${call}: ${status} ${typeKey}`.trim());
    this.status = status;
    this.typeKey = typeKey;
  }
}

/** No token for this key any more: the agent was deleted. */
export class TokenRevoked extends Error {
  override readonly name = 'TokenRevoked';
}

const goneForGood: readonly string[] = [
  'TaskAgentNotFoundException',
  'TaskAgentPoolNotFoundException',
  'AccessDeniedException',
];

/** The agent, its pool or its rights are gone (MessageListener.cs, exceptions that are never tried again). */
export function endsAgent(error: unknown): boolean {
  return error instanceof TokenRevoked || (error instanceof Refused && goneForGood.includes(error.typeKey));
}

/** Nothing was said, or something that passes. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Refused) return error.status === 429 || error.status >= 500 || error.status === 203;
  return error instanceof TypeError;
}
