import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { endpointSliceCandidates, peersOf, podCandidates } from './kubernetes-candidates.js';
import { kubernetesRefusal, retryAfterMsOf } from './kubernetes-refusal.js';
import { KUBERNETES_OBJECTS_MAX, KubernetesTable, readListPage } from './kubernetes-table.js';

const pod = (name: string, status: object, more: object = {}) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '7', ...more },
  status: { phase: 'Running', ...status },
});

const hosts = (object: unknown, family?: 'IPv4' | 'IPv6') =>
  peersOf(podCandidates(object), 7946, family).map(({ host, port }) => `${host}|${port}`);

describe('a pod', () => {
  it('counts as soon as it runs, ready or not', () => {
    const notReady = { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'False' }] };
    expect(hosts(pod('a', notReady))).toEqual(['10.0.0.1|7946']);
  });

  it.each([
    ['is pending', pod('a', { phase: 'Pending', podIP: '10.0.0.1' })],
    ['has failed', pod('a', { phase: 'Failed', podIP: '10.0.0.1' })],
    ['is done', pod('a', { phase: 'Succeeded', podIP: '10.0.0.1' })],
    ['is being deleted', pod('a', { podIP: '10.0.0.1' }, { deletionTimestamp: '2026-01-01' })],
    ['has no IP yet', pod('a', {})],
    ['has an empty IP', pod('a', { podIP: '', podIPs: [] })],
    ['has an IP that is none', pod('a', { podIP: 'example.org' })],
    ['is no object', 'pod'],
    ['is empty', {}],
  ])('does not count if it %s', (_, object) => {
    expect(hosts(object)).toEqual([]);
  });

  it('with two addresses is one peer, at the one of our own family', () => {
    const dual = pod('a', { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] });
    expect(hosts(dual, 'IPv4')).toEqual(['10.0.0.1|7946']);
    expect(hosts(dual, 'IPv6')).toEqual(['fd00::1|7946']);
    expect(hosts(dual)).toEqual(['10.0.0.1|7946']);
  });

  it('with IPv6 only is reached by that, whatever we are', () => {
    expect(hosts(pod('a', { podIP: 'fd00::1' }), 'IPv4')).toEqual(['fd00::1|7946']);
  });

  it('is called at the port it names gossip, else at the usual one', () => {
    const ports = [
      { name: 'http', containerPort: 8080 },
      { name: 'gossip', containerPort: 10_101 },
    ];
    const named = { ...pod('a', { podIP: '10.0.0.1' }), spec: { containers: [{}, { ports }] } };
    expect(hosts(named)).toEqual(['10.0.0.1|10101']);
  });

  it('never throws, whatever it holds', () => {
    fc.assert(fc.property(fc.jsonValue(), (object) => void hosts(object)));
  });
});

describe('an endpoint slice', () => {
  const slice = (addressType: string, endpoints: readonly object[], ports: object[] = []) => ({
    metadata: { name: `weir-${addressType}` },
    addressType,
    endpoints,
    ports,
  });
  const target = { kind: 'Pod', name: 'weir-0', uid: 'u0' };

  it('gives its endpoints, not-ready ones too, at the port named gossip', () => {
    const endpoints = [
      { addresses: ['10.0.0.1'], conditions: { ready: false, serving: false }, targetRef: target },
      { addresses: ['10.0.0.2'], conditions: { ready: false, terminating: true } },
      { addresses: [] },
      {},
    ];
    const object = slice('IPv4', endpoints, [{ name: 'gossip', port: 10_101 }]);
    expect(peersOf(endpointSliceCandidates(object), 7946, undefined)).toEqual([
      { host: '10.0.0.1', port: 10_101, origin: 'pod weir-0' },
    ]);
  });

  it('of two families for one pod make one peer', () => {
    const candidates = [
      slice('IPv4', [{ addresses: ['10.0.0.1'], targetRef: target }]),
      slice('IPv6', [{ addresses: ['fd00::1'], targetRef: target }]),
    ].flatMap(endpointSliceCandidates);
    const found = (family?: 'IPv4' | 'IPv6') =>
      peersOf(candidates, 7946, family).map(({ host }) => host);
    expect(found('IPv6')).toEqual(['fd00::1']);
    expect(found('IPv4')).toEqual(['10.0.0.1']);
    expect(found()).toEqual(['10.0.0.1']);
  });

  it('of names instead of addresses gives nothing', () => {
    const object = slice('FQDN', [{ addresses: ['weir-0.example.org'] }]);
    expect(endpointSliceCandidates(object)).toEqual([]);
  });
});

describe('KubernetesTable', () => {
  const event = (type: string, object: object): string => JSON.stringify({ type, object });
  const running = (name: string, version: string) =>
    pod(name, { podIP: '10.0.0.1' }, { resourceVersion: version });
  const names = (table: KubernetesTable) => table.candidates.map(({ origin }) => origin);

  const listed = (): KubernetesTable => {
    const table = new KubernetesTable(podCandidates);
    table.replace([running('a', '5')], '6');
    return table;
  };

  it('follows what is added, changed and deleted, and where it was', () => {
    const table = listed();
    expect(table.apply(event('ADDED', running('b', '7')))).toEqual({ kind: 'changed' });
    expect(names(table)).toEqual(['pod a', 'pod b']);
    table.apply(event('MODIFIED', pod('a', { phase: 'Failed' }, { resourceVersion: '8' })));
    expect(names(table)).toEqual(['pod b']);
    table.apply(event('DELETED', running('b', '9')));
    expect(names(table)).toEqual([]);
    expect(table.resourceVersion).toBe('9');
  });

  it('moves on with a bookmark, which is no pod', () => {
    const table = listed();
    const bookmark = { kind: 'Pod', metadata: { resourceVersion: '99' } };
    expect(table.apply(event('BOOKMARK', bookmark))).toEqual({ kind: 'unchanged' });
    expect(table.resourceVersion).toBe('99');
    expect(names(table)).toEqual(['pod a']);
  });

  it('asks for a list when its version is forgotten, and keeps what it has until then', () => {
    const table = listed();
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    expect(table.apply(event('ERROR', status))).toEqual({ kind: 'expired' });
    expect(table.resourceVersion).toBeUndefined();
    expect(names(table)).toEqual(['pod a']);
  });

  it('tells other errors in the words of the server, and begins anew', () => {
    const table = listed();
    const status = { code: 500, message: 'etcd is away' };
    expect(table.apply(event('ERROR', status))).toEqual({
      kind: 'refused',
      message: 'etcd is away',
    });
    expect(table.resourceVersion).toBeUndefined();
  });

  it.each(['', 'garbage', '{"type":"ADDED"', '[]', '{"type":"NEW","object":{}}', '{"object":{}}'])(
    'refuses the line %p',
    (line) => {
      expect(listed().apply(line).kind).toBe('refused');
    },
  );

  it('does not grow without bounds', () => {
    const table = new KubernetesTable(podCandidates);
    const items = Array.from({ length: KUBERNETES_OBJECTS_MAX }, (_, i) => running(`p${i}`, '1'));
    expect(table.replace(items, '1')).toBe(true);
    expect(table.apply(event('ADDED', running('one-more', '2'))).kind).toBe('refused');
    expect(table.replace([...items, running('one-more', '2')], '3')).toBe(false);
    expect(table.candidates).toHaveLength(KUBERNETES_OBJECTS_MAX);
  });

  it('reads pages of a list, and nothing else as one', () => {
    const metadata = { resourceVersion: '6', continue: 'more' };
    expect(readListPage({ metadata, items: [1] })).toEqual({
      items: [1],
      resourceVersion: '6',
      next: 'more',
    });
    const last = { metadata: { resourceVersion: '6', continue: '' }, items: null };
    expect(readListPage(last)).toEqual({ items: [], resourceVersion: '6' });
    for (const answer of [undefined, {}, { items: [] }, { metadata, items: {} }, []])
      expect(readListPage(answer)).toBeUndefined();
  });
});

describe('a refusal of the API server', () => {
  const question = { verb: 'watch', resource: 'pods', namespace: 'prod' } as const;

  it('names the verb, the resource and the namespace that a Role must grant', () => {
    const said = { message: 'pods is forbidden: User "x" cannot watch resource "pods"' };
    expect(kubernetesRefusal(question, 403, said).message).toBe(
      'the service account lacks "watch" on pods in namespace prod (403); grant it get, list and ' +
        'watch there with a Role and a RoleBinding (pods is forbidden: User "x" cannot watch resource "pods")',
    );
  });

  it.each([
    [401, /token/],
    [404, /k8sNamespace/],
    [429, /slow down/],
    [503, /answered 503/],
  ])('%i is told as %p', (status, words) => {
    expect(kubernetesRefusal(question, status, undefined).message).toMatch(words);
  });

  it('says when to come back', () => {
    expect(kubernetesRefusal(question, 429, {}, '7').retryAfterMs).toBe(7_000);
    expect(retryAfterMsOf('Wed, 21 Oct 2026 07:28:00 GMT')).toBeUndefined();
    expect(retryAfterMsOf('-1')).toBeUndefined();
  });
});
