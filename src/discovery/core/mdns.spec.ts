import { describe, expect, it } from '@jest/globals';
import { monoMs } from '../../common/time.js';
import { MdnsBrowser } from './mdns-browser.js';
import { answersTo, MDNS_TTL_SECONDS, type MdnsRecord, recordsOf } from './mdns-records.js';

const replica = {
  replicaId: 'weir-0.lab',
  host: '10.0.0.1',
  port: 7946,
  clusterName: 'weir',
  region: 'here',
  ports: { grpc: 50_051 },
};
const own = recordsOf('_weir._tcp', replica);
const browse = () => new MdnsBrowser('_weir._tcp', 'weir');
const FOUND = [{ host: '10.0.0.1', port: 7946, origin: 'mdns weir-0.lab' }];

describe('records of a replica', () => {
  it('name its place, its cluster, its region and its ports', () => {
    expect(own.map(({ type, name }) => `${type} ${name}`)).toEqual([
      'PTR _services._dns-sd._udp.local',
      'PTR _weir._tcp.local',
      'SRV weir-0-lab._weir._tcp.local',
      'TXT weir-0-lab._weir._tcp.local',
      'A weir-0-lab.local',
    ]);
    const texts = own.find(({ type }) => type === 'TXT')?.data;
    expect(texts).toEqual(['id=weir-0.lab', 'cluster=weir', 'region=here', 'grpc=50051']);
  });

  it('answer whoever asks for the type with all, and others with what they ask for', () => {
    expect(answersTo([{ name: '_WEIR._tcp.local', type: 'PTR' }], own)).toEqual(own);
    expect(answersTo([{ name: 'weir-0-lab.local', type: 'ANY' }], own)).toEqual(own.slice(4));
    expect(answersTo([{ name: '_http._tcp.local', type: 'PTR' }], own)).toEqual([]);
  });
});

describe('MdnsBrowser', () => {
  it.each([
    ['in order', own],
    ['the address first', [...own.slice(4), ...own.slice(0, 4)]],
  ])('finds a replica: %s', (_name, records) => {
    const browser = browse();
    browser.take(records, monoMs(0));
    expect(browser.peers()).toEqual(FOUND);
  });

  it('forgets it at its farewell, and when its records end', () => {
    const browser = browse();
    browser.take(own, monoMs(0));
    browser.take(recordsOf('_weir._tcp', replica, 0), monoMs(1));
    expect(browser.peers()).toEqual([]);
    browser.take(own, monoMs(0));
    browser.expire(monoMs(MDNS_TTL_SECONDS * 1_000 - 1));
    expect(browser.peers()).toEqual(FOUND);
    browser.forgive(monoMs(59_000), 60_000);
    browser.expire(monoMs(100_000));
    expect(browser.peers()).toEqual(FOUND);
    browser.expire(monoMs(119_000));
    expect(browser.peers()).toEqual([]);
  });

  it('does not mix clusters, nor services', () => {
    const browser = browse();
    browser.take(recordsOf('_weir._tcp', { ...replica, clusterName: 'other' }), monoMs(0));
    browser.take(recordsOf('_http._tcp', { ...replica, replicaId: 'b' }), monoMs(0));
    expect(browser.peers()).toEqual([]);
  });

  it('keeps within its bounds, whoever floods it', () => {
    const browser = browse();
    for (let i = 0; i < 10_000; i++) {
      const host = `10.1.${i >> 8}.${i & 0xff}`;
      browser.take(recordsOf('_weir._tcp', { ...replica, replicaId: `r${i}`, host }), monoMs(0));
    }
    const address: MdnsRecord = { type: 'A', name: 'r1.local', ttl: 60, data: '' };
    for (let i = 0; i < 100; i++) browser.take([{ ...address, data: `10.9.9.${i}` }], monoMs(0));
    expect(browser.peers().length).toBeLessThanOrEqual(2_048 + 8);
  });
});
