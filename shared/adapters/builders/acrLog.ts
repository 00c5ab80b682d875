/** The end of a log that lies in a blob. Its URL is its credential, so it stands in no error. */
import { UpstreamError } from '../../domain/errors.ts';
import { isLoopback } from '../loopback.ts';

const timeoutMs = 10_000;
/** A log that is longer is read no further: its end is not worth the traffic. */
const maxBytes = 8 * 1024 * 1024;
const tailBytes = 16 * 1024;

const operation = 'reading the log of an ACR run';

/** Blobs take no range counted from the end, so it is read from the start, keeping only the end. */
export async function readLogTail(url: string): Promise<readonly string[]> {
  try {
    if (!URL.canParse(url) || !(url.startsWith('https:') || isLoopback(url))) throw failed('invalid');
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok || response.body === null) throw failed('unavailable', response.status);
    const text = new TextDecoder().decode(await tailOf(response.body));
    return text.split(/\r?\n/);
  } catch (error) {
    throw error instanceof UpstreamError ? error : failed('unavailable');
  }
}

async function tailOf(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  let tail = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw failed('invalid');
    tail = Buffer.concat([tail, chunk]).subarray(-tailBytes);
  }
  return tail;
}

const failed = (kind: 'invalid' | 'unavailable', status?: number): UpstreamError =>
  new UpstreamError({ upstream: 'azureResourceManager', operation, kind, status });
