/** What a real Consul does not do on demand. The real one is met in `test/interop/discovery`. */
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ConsulPeerSource,
  type ConsulSourceOptions,
} from '../../src/discovery/consul-peer-source.js';
import type { BackoffBounds } from '../../src/discovery/core/backoff.js';
import { eventually } from '../support/eventually.js';
import { leavesNothing } from '../support/leaks.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import { answerJson, ScriptedHttpServer, type Script } from '../support/scripted-http-server.js';
import { SHORTEST, sourceRim } from '../support/source-rim.js';

const self = {
  replicaId: 'me',
  host: '10.0.0.1',
  port: 7946,
  clusterName: 'weir',
  region: 'eu',
};

const instance = (id: string, service: object, node: object = { Address: '10.9.9.9' }) => ({
  Node: node,
  Service: { ID: `weir-${id}`, Port: 7946, ...service },
  Checks: [],
});
const me = instance('me', { Address: '10.0.0.1' });

function services(response: ServerResponse, entries: unknown, index: string): void {
  response.setHeader('x-consul-index', index);
  answerJson(response, entries);
}

const isRead = (url: string | undefined): boolean => url?.startsWith('/v1/health/') === true;

/** Registers whoever asks; reads are answered by the script. */
const agent =
  (reads: Script): Script =>
  (request, response) =>
    isRead(request.url) ? reads(request, response) : void response.end();

/** However slow the machine is, a farewell is said. */
const FAREWELL_MS = 30_000;

/** For a thousand reconnections on a busy machine; an idle one needs seconds. */
const LONG_MS = 150_000;

interface Scene {
  readonly server: ScriptedHttpServer;
  readonly seen: RecordingPeerListener;
  readonly log: () => readonly string[];
  readonly reads: () => readonly string[];
  stop(): Promise<void>;
}

const scenes: Scene[] = [];

afterEach(async () => {
  for (const scene of scenes.splice(0)) {
    await scene.stop();
    await scene.server.stop();
  }
});

async function look(
  script: Script,
  options: Partial<ConsulSourceOptions> = {},
  backoff?: BackoffBounds,
): Promise<Scene> {
  const server = await ScriptedHttpServer.start(script);
  const rim = sourceRim(backoff);
  const settings = { address: server.url, serviceName: 'weir', self, requestTimeoutMs: 30_000 };
  const source = new ConsulPeerSource({ ...settings, ...options }, rim);
  const seen = new RecordingPeerListener();
  await source.start(seen);
  const scene = {
    server,
    seen,
    log: () => rim.log.lines,
    reads: () => server.requests.filter((line) => line.includes('/v1/health/')),
    stop: () => source.stop(FAREWELL_MS),
  };
  scenes.push(scene);
  return scene;
}

const faultOf = async (scene: Scene): Promise<string> => {
  await eventually('the fault is told', () => scene.seen.faults.length > 0);
  return scene.seen.faults[0]?.message ?? '';
};

describe('ConsulPeerSource with a scripted agent', () => {
  it('registers, reads, waits on the index, and deregisters when it leaves', async () => {
    const scene = await look(
      agent((_, response) => {
        if (scene.reads().length === 1) services(response, [me], '12');
      }),
      { datacenter: 'dc2', token: () => Promise.resolve('s3cret') },
    );
    await eventually('it waits', () => scene.reads().length === 2);
    await scene.stop();
    expect(scene.server.requests).toEqual([
      'PUT /v1/agent/service/register',
      'GET /v1/health/service/weir?dc=dc2',
      'GET /v1/health/service/weir?dc=dc2&index=12&wait=60s',
      'PUT /v1/agent/service/deregister/weir-me',
    ]);
    expect(scene.server.headers.map((headers) => headers['x-consul-token'])).toEqual(
      Array(4).fill('s3cret'),
    );
  });

  it('starts anew when the index goes back', async () => {
    const indexes = ['50', '20', '30'];
    const scene = await look(
      agent((_, response) => {
        const index = indexes[scene.reads().length - 1];
        if (index !== undefined) services(response, [me], index);
      }),
    );
    await eventually('there were four reads', () => scene.reads().length === 4);
    expect(scene.reads().map((line) => /index=(\d+)/.exec(line)?.[1])).toEqual([
      undefined,
      '50',
      undefined,
      '30',
    ]);
  });

  it('registers anew, and asks without an index, when its connection was lost between two questions', async () => {
    const scene = await look(
      agent((request, response) => {
        if (scene.reads().length > 2) return;
        services(response, [me], '50');
        // A server that comes back at once, with a lower index, would answer in a minute only.
        if (scene.reads().length === 1) response.on('finish', () => request.socket.end());
      }),
    );
    await eventually('it waits', () => scene.reads().length === 3);
    expect(scene.server.requests).toEqual([
      'PUT /v1/agent/service/register',
      'GET /v1/health/service/weir',
      'PUT /v1/agent/service/register',
      'GET /v1/health/service/weir',
      'GET /v1/health/service/weir?index=50&wait=60s',
    ]);
    expect(scene.seen.faults).toHaveLength(1);
  });

  it('waits on the index all the same where every answer is the last of its connection', async () => {
    const scene = await look(
      agent((_, response) => {
        response.setHeader('connection', 'close');
        if (scene.reads().length < 3) services(response, [me], '50');
      }),
    );
    await eventually('it waits', () => scene.reads().length === 3);
    expect(scene.reads().map((line) => /index=(\d+)/.exec(line)?.[1])).toEqual([
      undefined,
      '50',
      '50',
    ]);
    expect(scene.seen.faults).toEqual([]);
  });

  it('takes the address of the node for a service without one, and names what has neither', async () => {
    const entries = [
      me,
      instance('a', { Address: '' }),
      instance('b', { Address: 'localhost', Port: 7001 }),
      instance('c', { Address: '' }, { Address: '' }),
      instance('d', { Address: 'no-such-name.invalid' }),
    ];
    const scene = await look(
      agent((_, response) => {
        if (scene.reads().length === 1) services(response, entries, '1');
      }),
    );
    await eventually('they are found', () => scene.seen.answers.length > 0);
    expect(scene.seen.current).toEqual(
      expect.arrayContaining(['10.0.0.1:7946', '10.9.9.9:7946', '127.0.0.1:7001']),
    );
    expect(scene.log().join()).toContain('has no address and port; ignored {"id":"weir-c"}');
    expect(scene.log().join()).toContain('no-such-name.invalid, which does not resolve');
  });

  it('registers again when the agent has forgotten it, and tells nobody of an empty cluster', async () => {
    const answers = [[me], [], [], [me]];
    const scene = await look(
      agent((_, response) => {
        const answer = answers[scene.reads().length - 1];
        if (answer !== undefined) services(response, answer, '1');
      }),
    );
    await eventually('it waits', () => scene.reads().length === 5);
    const registrations = scene.server.requests.filter((line) => line.endsWith('/register'));
    expect(registrations).toHaveLength(2);
    expect(scene.seen.answers.map((peers) => peers.length)).toEqual([1, 1]);
    expect(scene.seen.faults).toEqual([]);
  });

  it('registers differently until it was seen, and as before once it was', async () => {
    const turns: string[] = [];
    const answers = [[], [me], undefined, [me]];
    const scene = await look((request, response) => {
      if (!isRead(request.url)) {
        request.on('data', (body: Buffer) =>
          turns.push(String(/"turn":"(\d+)"/.exec(body.toString())?.[1])),
        );
        request.on('end', () => response.end());
        return;
      }
      const count = scene.reads().length;
      const answer = answers[count - 1];
      if (answer !== undefined) services(response, answer, '1');
      else if (count === 3) response.destroy();
    });
    await eventually('it waits', () => scene.reads().length === 5);
    expect(turns).toEqual(['1', '2', '2']);
  });

  it('says what an old Consul does not: that the token is not shown everything', async () => {
    const scene = await look(agent((_, response) => services(response, [], '1')));
    expect(await faultOf(scene)).toContain(
      'registered, but Consul does not show it; the token needs service:read on "weir" and node:read',
    );
    expect(scene.seen.answers).toEqual([]);
  });

  it('says which right the token lacks, when it may not register', async () => {
    const scene = await look((_, response) => {
      response.writeHead(403).end("Permission denied: token lacks permission 'service:write'");
    });
    expect(await faultOf(scene)).toContain(
      `registering weir failed (403 Permission denied: token lacks permission 'service:write'); the token needs service:write on "weir"`,
    );
    expect(scene.seen.answers).toEqual([]);
  });

  it('does not take an empty list for the truth when Consul has hidden the rest', async () => {
    const scene = await look(
      agent((_, response) => {
        response.setHeader('x-consul-results-filtered-by-acls', 'true');
        services(response, [], '1');
      }),
    );
    expect(await faultOf(scene)).toContain('Consul hides instances from this token');
    expect(scene.seen.answers).toEqual([]);
  });

  it.each<[string, Script, RegExp]>([
    ['an object', (_, response) => services(response, {}, '1'), /not a list of service instances/],
    ['no JSON', (_, response) => void response.end('[{"Node":'), /not a list of service instances/],
    ['an error', (_, response) => void response.writeHead(500).end('No cluster leader'), /500 No/],
    ['nothing', (_, response) => response.destroy(), /socket hang up/],
  ])('tells a fault and finds nothing when the answer is %s', async (_, script, words) => {
    const scene = await look(agent(script));
    expect(await faultOf(scene)).toMatch(words);
    expect(scene.seen.answers).toEqual([]);
  });

  it('only looks if there is nothing to announce', async () => {
    const scene = await look(
      agent((_, response) => {
        if (scene.reads().length === 1) services(response, [], '1');
      }),
      { self: undefined },
    );
    await eventually('it waits', () => scene.reads().length === 2);
    await scene.stop();
    expect(scene.server.requests.filter((line) => line.startsWith('PUT'))).toEqual([]);
  });

  it(
    'keeps neither sockets nor timers nor memory over 1,000 reconnections',
    async () => {
      let attempts = 0;
      const scene = await look(
        agent((_, response) => {
          attempts += 1;
          const ways = [
            () => response.destroy(),
            () => void response.writeHead(500).end(),
            () => void response.end('garbage'),
          ];
          ways[attempts % ways.length]?.();
        }),
        {},
        SHORTEST,
      );
      await leavesNothing({
        warm: () => eventually('it is warm', () => attempts >= 200, LONG_MS),
        run: () => eventually('there were 1,000 more', () => attempts >= 1_200, LONG_MS),
        stop: () => scene.stop(),
      });
      await eventually('the server sees it', () => scene.server.openSockets === 0);
    },
    2 * LONG_MS,
  );
});
