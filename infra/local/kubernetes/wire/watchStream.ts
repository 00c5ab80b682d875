/**
 * A watch on the wire: one JSON object a line, in chunks, until its time is over, an ERROR event was sent, or the
 * client has gone. Source: kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of changes".
 */
import type { ServerResponse } from 'node:http';
import type { CancelTimer, WorldClock } from '../../world/clock.ts';
import type { Watch, WatchEvent } from '../verbs.ts';
import { type WatchReply, writeHead } from './reply.ts';

/** The server sends a bookmark about this often (k8s.io/apiserver/pkg/storage/cacher), and one just before the end. */
const bookmarkEveryMs = 60_000;

/** Throws what `open` throws, with nothing sent yet. */
export function streamWatch(response: ServerResponse, reply: WatchReply, clock: WorldClock, bookmarks: boolean): void {
  let watch: Watch | undefined;
  let ended = false;
  const timers: CancelTimer[] = [];
  const early: WatchEvent[] = [];

  const end = (): void => {
    if (ended) return;
    ended = true;
    for (const cancel of timers) cancel();
    watch?.close();
    response.end();
  };
  const send = (event: WatchEvent): void => {
    if (ended) return;
    response.write(`${JSON.stringify(reply.render(event))}\n`);
    if (event.type === 'ERROR') end();
  };
  let listener = (event: WatchEvent): void => {
    early.push(event);
  };
  watch = reply.open((event) => listener(event));
  const opened = watch;

  writeHead(response, 200, 'application/json', clock.now());
  response.flushHeaders();
  response.on('close', end);
  for (const event of early) send(event);
  listener = send;
  if (ended) {
    opened.close();
    return;
  }
  const mark = (): void => {
    if (bookmarks) send(opened.bookmark());
  };
  const every = (): void => {
    mark();
    timers.push(clock.after(bookmarkEveryMs, every));
  };
  timers.push(clock.after(bookmarkEveryMs, every));
  timers.push(
    clock.after(reply.timeoutMs, () => {
      mark();
      end();
    }),
  );
}
