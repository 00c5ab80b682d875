import '../../support/functionsCore.ts';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../infra/local/world/random.ts';
import { aFuzzWorld, isRight } from '../../support/fuzzWorld.ts';
import { type FuzzCall, fuzzCall, fuzzStatuses } from '../../support/hookFuzz.ts';

/** Another seed draws other calls. */
const seed = Number(process.env['MAYFLY_TEST_SEED'] ?? 20_260_105);

describe(`random hook calls of seed ${seed}`, () => {
  it('are answered 200, 202, 401 or 503, and 401 only without the secret', async () => {
    const world = aFuzzWorld(seed);
    const seen = new Set<number | undefined>();
    for (let count = 0; count < 1000; count++) {
      const result = await world.once();
      seen.add(result.status);
      expect(result).toSatisfy(isRight);
    }
    expect(seen).toEqual(new Set(fuzzStatuses));
  });
});

describe('random hook calls over HTTP', () => {
  let server: Server;
  let port: number;

  beforeAll(async () => {
    const world = aFuzzWorld(seed + 1);
    // As the host does: the whole body is taken from the socket before the handler sees the call.
    server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const headers = Object.fromEntries(
          Object.entries(incoming.headers).flatMap(([name, value]) =>
            typeof value === 'string' ? [[name, value]] : [],
          ),
        );
        void world.answer({ headers, body: Buffer.concat(chunks), knowsSecret: false }).then(({ status, body }) => {
          outgoing.writeHead(status ?? 599, { 'content-type': 'application/json' });
          outgoing.end(body === undefined ? '' : JSON.stringify(body));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const post = (call: FuzzCall): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', method: 'POST', path: '/api/hooks/azure-devops', agent: false };
      const outgoing = request({ ...options, headers: call.headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      outgoing.on('error', reject);
      outgoing.end(call.body);
    });

  it('are answered alike', async () => {
    const random = seededRandom(seed + 2);
    for (let count = 0; count < 60; count++) {
      const call = fuzzCall(random);
      const status = await post(call);
      expect(fuzzStatuses).toContain(status);
      expect(status === 401).toBe(!call.knowsSecret);
    }
  });
});
