import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpClient } from '../../src/discovery/http-client.js';
import { eventually } from '../support/eventually.js';
import { ScriptedHttpServer, type Script } from '../support/scripted-http-server.js';

const BYTES_MAX = 10_000;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function talkTo(script: Script, signal = new AbortController().signal) {
  const server = await ScriptedHttpServer.start(script);
  const client = new HttpClient({ base: new URL(server.url), bytesMax: BYTES_MAX, signal });
  closers.push(() => {
    client.close();
    return server.stop();
  });
  return { server, client };
}

/** Writes a byte at a time for as long as the other side listens. */
const dribble: Script = (_, response) => {
  const timer = setInterval(() => response.write(' '), 5);
  response.on('close', () => clearInterval(timer));
};

describe('HttpClient', () => {
  it('gives any status as an answer, with its JSON or without', async () => {
    const { client } = await talkTo((_, response) => {
      response.writeHead(418, { 'x-some': 'thing' }).end('{"a":');
    });
    const answer = await client.call({ path: '/x', timeoutMs: 30_000 });
    expect([answer.status, answer.header('x-some'), answer.json, answer.text]).toEqual([
      418,
      'thing',
      undefined,
      '{"a":',
    ]);
  });

  it('keeps one connection for one call after another', async () => {
    const { client, server } = await talkTo((_, response) => void response.end('{}'));
    for (let i = 0; i < 20; i++) await client.call({ path: '/x', timeoutMs: 30_000 });
    expect(server.connections).toBe(1);
  });

  it.each<[string, Script, RegExp]>([
    ['silent', () => undefined, /GET \/x was not answered in full within 200 ms/],
    ['slow to the byte', dribble, /was not answered in full within 200 ms/],
    [
      'endless',
      (_, response) => void response.end('x'.repeat(BYTES_MAX + 1)),
      /the answer is longer than 10000 bytes/,
    ],
    [
      'cut off',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"a":1');
        setImmediate(() => response.destroy());
      },
      /aborted|terminated|socket hang up/,
    ],
    ['not HTTP', (_, response) => void response.socket?.end('SSH-2.0-x\r\n'), /Parse Error/],
    ['closed at once', (_, response) => response.destroy(), /socket hang up/],
    [
      'all header',
      (_, response) => void response.writeHead(200, { big: 'x'.repeat(50_000) }).end(),
      /Header/,
    ],
  ])('fails, and keeps no socket, when the service is %s', async (_, script, words) => {
    const { client, server } = await talkTo(script);
    const timeoutMs = String(words).includes('200 ms') ? 200 : 30_000;
    await expect(client.call({ path: '/x?secret=1', timeoutMs })).rejects.toThrow(words);
    await eventually('no socket is left', () => server.openSockets === 0);
  });

  it('says what it could not connect to', async () => {
    const { client, server } = await talkTo(() => undefined);
    await server.stop();
    await expect(client.call({ path: '/x', timeoutMs: 30_000 })).rejects.toThrow('ECONNREFUSED');
  });

  it('lets go at once when it is stopped, in the middle of an answer too', async () => {
    const stop = new AbortController();
    const { client, server } = await talkTo(dribble, stop.signal);
    const call = client.call({ path: '/x', timeoutMs: 60_000 });
    await eventually('the call has arrived', () => server.requests.length === 1);
    stop.abort();
    await expect(call).rejects.toThrow();
    await eventually('no socket is left', () => server.openSockets === 0);
    await expect(client.call({ path: '/x', timeoutMs: 60_000 })).rejects.toThrow();
  });

  it('hands over lines as they come, and cuts a stream that never ends a line', async () => {
    const { client, server } = await talkTo((request, response) => {
      response.write('{"n":1}\n{"n"');
      response.write(':2}\n');
      if (request.url === '/long') response.write('x'.repeat(BYTES_MAX + 1));
      else response.end();
    });
    const seen: string[] = [];
    const read = (path: string) =>
      client.stream({ path, timeoutMs: 30_000 }, async (answer) => {
        for await (const line of answer.lines()) seen.push(line);
      });
    await read('/x');
    expect(seen).toEqual(['{"n":1}', '{"n":2}']);
    await expect(read('/long')).rejects.toThrow('a line is longer than 10000 bytes');
    client.close();
    await eventually('no socket is left', () => server.openSockets === 0);
  });

  it('keeps no socket for a stream that nobody read', async () => {
    const { client, server } = await talkTo(dribble);
    await client.stream({ path: '/x', timeoutMs: 30_000 }, () => Promise.resolve());
    await eventually('no socket is left', () => server.openSockets === 0);
  });
});
