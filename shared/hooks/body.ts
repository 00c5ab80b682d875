/** Reads a request body, but no more of it than a service hook can have sent. */
import type { Ignored } from './parse.ts';
import { maxBodyBytes } from './parse.ts';

export interface BodySource {
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
}

const tooLarge: Ignored = { kind: 'ignored', reason: 'tooLarge' };
const unreadable: Ignored = { kind: 'ignored', reason: 'bodyUnreadable' };

/** The bytes, or why they were not taken. What its header already calls too large is not read at all. */
export async function readBody(request: BodySource): Promise<Uint8Array | Ignored> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > maxBodyBytes) return tooLarge;
  if (request.body === null) return new Uint8Array();
  try {
    return await readAtMost(request.body, maxBodyBytes);
  } catch {
    // The caller broke off; whatever we answer is not heard, and nothing can be learnt from half an event.
    return unreadable;
  }
}

async function readAtMost(body: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array | Ignored> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.byteLength;
    if (length > limit) {
      await reader.cancel();
      return tooLarge;
    }
    chunks.push(part.value);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
