/**
 * What a real API server does not do on demand: an answer of each kind, when the test asks for it. The
 * real one is met in `test/interop/discovery`.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import {
  KubernetesPeerSource,
  type KubernetesSourceOptions,
} from '../../src/discovery/kubernetes-peer-source.js';
import type { BackoffBounds } from '../../src/discovery/core/backoff.js';
import { eventually } from '../support/eventually.js';
import { leavesNothing } from '../support/leaks.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import { answerJson, ScriptedHttpServer, type Script } from '../support/scripted-http-server.js';
import { SHORTEST, sourceRim } from '../support/source-rim.js';

const pod = (name: string, ip: string, version = '1') => ({
  metadata: { name, uid: name, resourceVersion: version },
  status: { phase: 'Running', podIP: ip },
});

const list = (
  response: ServerResponse,
  items: readonly object[],
  version: string,
  more = '',
): void => answerJson(response, { metadata: { resourceVersion: version, continue: more }, items });

const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

const bookmark = (version: string): string =>
  event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: version } });

/** Lists by one script, watches by another. */
const api =
  (lists: Script, watches: Script): Script =>
  (request, response) =>
    (request.url?.includes('watch=1') === true ? watches : lists)(request, response);

/** A watch that stays open and says nothing. */
const quiet: Script = (_, response) => response.flushHeaders();

/** For a thousand reconnections on a busy machine; an idle one needs seconds. */
const LONG_MS = 150_000;

interface Scene {
  readonly server: ScriptedHttpServer;
  readonly seen: RecordingPeerListener;
  /** Versions at which watches have begun. */
  readonly watched: () => readonly (string | undefined)[];
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
  options: Partial<KubernetesSourceOptions> = {},
  backoff?: BackoffBounds,
): Promise<Scene> {
  const server = await ScriptedHttpServer.start(script);
  const source = new KubernetesPeerSource(
    {
      apiServer: server.url,
      namespace: 'prod',
      labelSelector: 'app=weir',
      port: 7946,
      requestTimeoutMs: 5_000,
      ...options,
    },
    sourceRim(backoff),
  );
  const seen = new RecordingPeerListener();
  await source.start(seen);
  const watched = () =>
    server.requests
      .filter((line) => line.includes('watch=1'))
      .map((line) => /resourceVersion=(\w*)/.exec(line)?.[1]);
  const scene = { server, seen, watched, stop: () => source.stop(1_000) };
  scenes.push(scene);
  return scene;
}

const shows = (scene: Scene, ...hosts: readonly string[]) =>
  eventually(`${hosts.join(', ')} are found`, () => {
    return scene.seen.current.join() === hosts.map((host) => `${host}:7946`).join();
  });

describe('KubernetesPeerSource with a scripted API server', () => {
  it('lists by label, page after page, then watches from where the list ended', async () => {
    const scene = await look(
      api((request, response) => {
        if (request.url?.includes('continue=p2') === true)
          list(response, [pod('b', '10.0.0.2')], '40');
        else list(response, [pod('a', '10.0.0.1')], '40', 'p2');
      }, quiet),
    );
    await shows(scene, '10.0.0.1', '10.0.0.2');
    await eventually('a watch has begun', () => scene.watched().length > 0);
    expect(scene.server.requests.slice(0, 2)).toEqual([
      'GET /api/v1/namespaces/prod/pods?labelSelector=app%3Dweir&limit=100',
      'GET /api/v1/namespaces/prod/pods?labelSelector=app%3Dweir&limit=100&continue=p2',
    ]);
    expect(scene.server.requests[2]).toContain('allowWatchBookmarks=true&resourceVersion=40');
  });

  it('watches the endpoint slices of a service instead, if one is named', async () => {
    const slice = {
      metadata: { name: 'weir-abc' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }],
    };
    const scene = await look(
      api((_, response) => list(response, [slice], '1'), quiet),
      { service: 'weir-headless' },
    );
    await shows(scene, '10.0.0.1');
    expect(scene.server.requests[0]).toContain(
      '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dweir-headless',
    );
  });

  it.each<[string, Script]>([
    [
      'as an event',
      (_, response) => void response.end(event('ERROR', { code: 410, message: 'too old' })),
    ],
    ['as an answer', (_, response) => answerJson(response, { message: 'too old' }, 410)],
  ])('lists again when its version is gone, told %s, and tells no fault', async (_, gone) => {
    let lists = 0;
    const scene = await look(
      api(
        (__, response) => {
          lists += 1;
          list(response, [pod('a', `10.0.0.${lists}`)], String(lists));
        },
        (request, response) => (lists < 3 ? gone : quiet)(request, response),
      ),
    );
    await shows(scene, '10.0.0.3');
    expect(scene.seen.faults).toEqual([]);
  });

  it('goes on from a bookmark, although no pod has changed', async () => {
    const scene = await look(
      api(
        (_, response) => list(response, [pod('a', '10.0.0.1')], '5'),
        (_, response) => {
          if (scene.watched().length === 1) response.end(bookmark('77'));
          else quiet(_, response);
        },
      ),
    );
    await eventually('it watches again', () => scene.watched().length === 2);
    expect(scene.watched()).toEqual(['5', '77']);
    expect(scene.seen.faults).toEqual([]);
    await shows(scene, '10.0.0.1');
  });

  it('cuts a watch that has gone silent, and misses nothing', async () => {
    const scene = await look(
      api(
        (_, response) => list(response, [pod('a', '10.0.0.1')], '5'),
        (_, response) => {
          if (scene.watched().length > 1) response.write(event('ADDED', pod('b', '10.0.0.2', '6')));
          else response.flushHeaders();
        },
      ),
      { watchMs: 50, watchGraceMs: 50 },
    );
    await shows(scene, '10.0.0.1', '10.0.0.2');
    expect(scene.watched().slice(0, 2)).toEqual(['5', '5']);
  });

  it('lists again from time to time even if watches say nothing is wrong', async () => {
    let lists = 0;
    const scene = await look(
      api(
        (_, response) => list(response, [pod('a', `10.0.0.${(lists += 1)}`)], '5'),
        (_, response) => void response.end(bookmark('6')),
      ),
      { relistMs: 30 },
    );
    await eventually('there were three lists', () => lists >= 3);
    expect(scene.seen.faults).toEqual([]);
  });

  it('waits as long as Retry-After says', async () => {
    const scene = await look((_, response) => {
      response.setHeader('retry-after', '30');
      answerJson(response, { message: 'slow down' }, 429);
    });
    await eventually('the fault is told', () => scene.seen.faults.length > 0);
    expect(scene.seen.faults[0]?.retryAfterMs).toBe(30_000);
    expect(scene.seen.faults[0]?.message).toContain('asks to slow down (429)');
    expect(scene.server.requests).toHaveLength(1);
  });

  it('reads the token again for every request', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-token-'));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'old\n');
    const scene = await look(
      (request, response) => {
        if (request.headers.authorization !== 'Bearer new') answerJson(response, {}, 401);
        else api((_, to) => list(to, [pod('a', '10.0.0.1')], '5'), quiet)(request, response);
      },
      { tokenFile },
    );
    await eventually('the fault is told', () => scene.seen.faults.length > 0);
    expect(scene.seen.faults[0]?.message).toContain('does not accept the token (401)');
    writeFileSync(tokenFile, 'new\n');
    await shows(scene, '10.0.0.1');
    removeFolderSync(folder);
  });

  it('names a token file that is not there', async () => {
    const scene = await look(() => undefined, { tokenFile: '/nonexistent/token' });
    await eventually('the fault is told', () => scene.seen.faults.length > 0);
    expect(scene.seen.faults[0]?.message).toContain('cannot read /nonexistent/token');
  });

  it('goes on by lists when it may list but not watch, and says what is missing', async () => {
    let lists = 0;
    const scene = await look(
      api(
        (_, response) => list(response, [pod('a', `10.0.0.${(lists += 1)}`)], '5'),
        (_, response) => answerJson(response, { message: 'forbidden' }, 403),
      ),
    );
    await eventually('there were three lists', () => lists >= 3);
    expect(scene.seen.faults[0]?.message).toContain(
      'lacks "watch" on pods in namespace prod (403)',
    );
    expect(scene.seen.answers.length).toBeGreaterThanOrEqual(2);
  });

  it.each<[string, Script, RegExp]>([
    ['no list', (_, response) => answerJson(response, { items: 'no' }), /is not a list/],
    ['no JSON', (_, response) => void response.end('<html>'), /is not a list/],
    ['nothing', (_, response) => response.destroy(), /socket hang up/],
  ])('keeps what it has when the server answers %s', async (_, garbage, words) => {
    let isBroken = false;
    const scene = await look(
      api(
        (request, response) =>
          isBroken
            ? garbage(request, response)
            : list(response, [pod('a', '10.0.0.1'), {}, pod('x', 'x')], '5'),
        (__, response) => {
          isBroken = true;
          response.end(event('ERROR', { code: 410 }));
        },
      ),
    );
    await eventually('the fault is told', () => scene.seen.faults.length > 0);
    expect(scene.seen.faults[0]?.message).toMatch(words);
    await shows(scene, '10.0.0.1');
  });

  it(
    'keeps neither sockets nor timers nor memory over 1,000 reconnections',
    async () => {
      let watches = 0;
      const scene = await look(
        api(
          (_, response) => list(response, [pod('a', '10.0.0.1')], '5'),
          (_, response) => {
            watches += 1;
            const ways = [
              () => response.destroy(),
              () => response.end(bookmark('6')),
              () => response.end(event('ERROR', { code: 410 })),
              () => answerJson(response, {}, 500),
              () => response.end('garbage\n'),
            ];
            ways[watches % ways.length]?.();
          },
        ),
        {},
        SHORTEST,
      );
      await leavesNothing({
        warm: () => eventually('it is warm', () => watches >= 200, LONG_MS),
        run: () => eventually('there were 1,000 more', () => watches >= 1_200, LONG_MS),
        stop: () => scene.stop(),
      });
      await eventually('the server sees it', () => scene.server.openSockets === 0);
    },
    2 * LONG_MS,
  );
});
