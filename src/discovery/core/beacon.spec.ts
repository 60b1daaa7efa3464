import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { monoMs, wallMs } from '../../common/time.js';
import { type Beacon, beaconContent, openBeacon, SEAL_BYTES, sealedBeacon } from './beacon.js';
import { BEACON_AGE_MAX_MS, BeaconTable, SILENCE_MAX_MS } from './beacon-table.js';
import { broadcastAddress } from './broadcast-address.js';
import { toUtf8 } from './bytes-text.js';

const NOW = 1_700_000_000_000;
const beacon = (changes: Partial<Beacon> = {}): Beacon => ({
  service: 'weir',
  cluster: 'weir',
  replicaId: 'r1',
  host: '10.0.0.1',
  port: 7946,
  region: 'here',
  sentAtMs: NOW,
  mood: 'here',
  ...changes,
});

describe('a beacon', () => {
  it('opens as it was sealed', () => {
    const content = beaconContent(beacon());
    const seal = new Uint8Array(SEAL_BYTES).fill(7);
    const opened = openBeacon(sealedBeacon(content, seal));
    expect(opened?.beacon).toEqual(beacon());
    expect([...(opened?.seal ?? [])]).toEqual([...seal]);
    expect([...(opened?.content ?? [])]).toEqual([...content]);
  });

  it('is nothing that is not one, whatever the bytes', () => {
    const sealed = sealedBeacon(beaconContent(beacon()), undefined);
    expect(openBeacon(sealed.subarray(0, 40))).toBeUndefined();
    expect(openBeacon(new Uint8Array(9_000))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), (bytes) => openBeacon(bytes) === undefined),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        const body = toUtf8(json).subarray(0, 1_000);
        const head = sealed.subarray(0, 40);
        return openBeacon(Uint8Array.from([...head, ...body])) === undefined;
      }),
    );
  });

  it.each([
    { port: '7946' },
    { sentAtMs: 1.5 },
    { mood: 'angry' },
    { host: 5 },
    { region: 'x'.repeat(300) },
    { replicaId: undefined },
  ])('is nothing with a field of the wrong shape: %p', (changes) => {
    const content = beaconContent({ ...beacon(), ...changes } as Beacon);
    expect(openBeacon(sealedBeacon(content, undefined))).toBeUndefined();
  });
});

describe('BeaconTable', () => {
  const make = () => new BeaconTable({ service: 'weir', cluster: 'weir', replicaId: 'own' });
  const take = (
    table: BeaconTable,
    changes: Partial<Beacon>,
    seal: 'right' | 'wrong' | 'none' = 'right',
  ) => table.take({ beacon: beacon(changes), from: '10.0.0.1', seal }, wallMs(NOW), monoMs(0));

  it('takes what is young and sealed, tells news, and forgets who leaves or is silent', () => {
    const table = make();
    expect(take(table, {})).toEqual({ kind: 'taken', isNews: true });
    expect(take(table, { sentAtMs: NOW + 1 })).toEqual({ kind: 'taken', isNews: false });
    expect(table.peers()).toEqual([
      { host: '10.0.0.1', port: 7946, origin: 'udp r1 (sealed) from 10.0.0.1' },
    ]);
    table.expire(monoMs(SILENCE_MAX_MS));
    expect(table.peers()).toHaveLength(1);
    table.forgive(monoMs(SILENCE_MAX_MS));
    table.expire(monoMs(SILENCE_MAX_MS * 2));
    expect(table.peers()).toHaveLength(1);
    expect(take(table, { sentAtMs: NOW + 2, mood: 'leaving' })).toEqual({
      kind: 'taken',
      isNews: true,
    });
    expect(table.peers()).toEqual([]);
    take(table, { sentAtMs: NOW + 3 });
    table.expire(monoMs(SILENCE_MAX_MS + 1));
    expect(table.peers()).toEqual([]);
  });

  it.each([
    ['another cluster', { cluster: 'other' }],
    ['another service', { service: 'other' }],
    ['itself', { replicaId: 'own' }],
  ])('passes over %s without a word', (_name, changes) => {
    expect(take(make(), changes)).toEqual({ kind: 'notMeant' });
  });

  it.each([
    ['a wrong seal', {}, 'wrong', 'badSeal'],
    ['the past', { sentAtMs: NOW - BEACON_AGE_MAX_MS - 1 }, 'right', 'tooOld'],
    ['the future', { sentAtMs: NOW + BEACON_AGE_MAX_MS + 1 }, 'right', 'tooOld'],
    ['another address without a seal', { host: '10.0.0.2' }, 'none', 'otherAddress'],
  ] as const)('refuses %s', (_name, changes, seal, reason) => {
    const table = make();
    expect(take(table, changes, seal)).toEqual({ kind: 'refused', reason });
    expect(table.peers()).toEqual([]);
  });

  it('refuses what is played again, the farewell included', () => {
    const table = make();
    take(table, { sentAtMs: NOW + 5 });
    expect(take(table, { sentAtMs: NOW + 5 })).toEqual({ kind: 'refused', reason: 'replayed' });
    const old = take(table, { sentAtMs: NOW + 4, mood: 'leaving' });
    expect(old).toEqual({ kind: 'refused', reason: 'replayed' });
    expect(table.peers()).toHaveLength(1);
  });

  it('takes only so many senders', () => {
    const table = make();
    for (let i = 0; i < 2_048; i++) take(table, { replicaId: `r${i}` });
    expect(take(table, { replicaId: 'more' })).toEqual({ kind: 'refused', reason: 'tooMany' });
    expect(table.peers()).toHaveLength(2_048);
  });
});

describe('broadcastAddress', () => {
  it.each([
    ['10.0.1.7', '255.255.252.0', '10.0.3.255'],
    ['192.168.1.7', '255.255.255.0', '192.168.1.255'],
    ['10.0.0.1', '255.0.0.0', '10.255.255.255'],
    ['10.0.0.1', '255.255.255.255', undefined],
    ['10.0.0.1', '255.255.255.254', undefined],
    ['fd00::1', 'ffff::', undefined],
  ])('of %s and %s is %s', (address, netmask, expected) => {
    expect(broadcastAddress(address, netmask)).toBe(expected);
  });
});
