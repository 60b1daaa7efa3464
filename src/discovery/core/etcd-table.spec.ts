import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { etcdPrefix, etcdPrefixEnd, etcdValue, peerOfEntry } from './etcd-entry.js';
import { EtcdTable } from './etcd-table.js';

const self = { host: '10.0.0.1', port: 7946, clusterName: 'weir', region: 'eu' };
const value = (port: number): string => etcdValue({ ...self, port });
const key = (name: string): string => `${etcdPrefix('weir')}${name}`;
const at = (revision: bigint, clusterId = 1n) => ({ clusterId, revision });

describe('an entry in etcd', () => {
  it('is read as it was written', () => {
    const text = etcdValue({ ...self, ports: { grpc: 7411 } });
    expect(JSON.parse(text)).toEqual({
      host: '10.0.0.1',
      port: 7946,
      cluster: 'weir',
      region: 'eu',
      ports: { grpc: 7411 },
    });
    const origin = 'etcd /services/weir/a';
    expect(peerOfEntry(key('a'), text)).toEqual({ host: '10.0.0.1', port: 7946, origin });
  });

  it.each([
    ['a value of another program', 'http://10.0.0.1:80'],
    ['JSON of another shape', '[1,2,3]'],
    ['a name where an address belongs', '{"host":"weir-0","port":7946}'],
    ['a port as text', '{"host":"10.0.0.1","port":"7946"}'],
    ['no port', '{"host":"10.0.0.1"}'],
    ['JSON that is cut off', '{"host":"10.0.0.1","po'],
    ['nothing', ''],
    ['too much', JSON.stringify({ host: '10.0.0.1', port: 1, pad: 'x'.repeat(5_000) })],
  ])('is not read from %s', (_, text) => {
    expect(peerOfEntry(key('a'), text)).toBeUndefined();
  });

  it('lies in the span of its service, and of no service whose name begins the same', () => {
    const [from, to] = [etcdPrefix('weir'), etcdPrefixEnd(etcdPrefix('weir'))];
    const within = (name: string): boolean => name >= from && name < to;
    expect(within(key('a')) && within(key('\u{10ffff}'))).toBe(true);
    expect(within('/services/weir-2/a') || within('/services/wei/a')).toBe(false);
  });
});

describe('EtcdTable', () => {
  it('asks for a range first, then goes on after the last thing heard', () => {
    const table = new EtcdTable();
    expect(table.nextRevision).toBeUndefined();
    table.replace([{ key: key('a'), value: value(1) }], at(7n));
    expect(table.nextRevision).toBe(8n);
    table.apply([], at(12n));
    expect(table.nextRevision).toBe(13n);
  });

  it('follows changes in their order', () => {
    const table = new EtcdTable();
    table.replace([{ key: key('a'), value: value(1) }], at(1n));
    table.apply(
      [
        { key: key('b'), value: value(2) },
        { key: key('a'), value: undefined },
        { key: key('b'), value: value(3) },
      ],
      at(4n),
    );
    expect(table.peers.map(({ port }) => port)).toEqual([3]);
    expect(table.has(key('a'))).toBe(false);
  });

  it('keeps what is not ours apart', () => {
    const table = new EtcdTable();
    table.replace([{ key: key('x'), value: 'not ours' }], at(1n));
    expect(table.peers).toEqual([]);
    expect(table.foreignKeys).toEqual([key('x')]);
    table.apply([{ key: key('x'), value: value(1) }], at(2n));
    expect(table.foreignKeys).toEqual([]);
  });

  it.each([
    ['the same store', at(7n), false],
    ['the same store, later', at(9n), false],
    ['one restored from a backup', at(6n), true],
    ['another cluster', at(9n, 2n), true],
  ])('knows whether a watch may go on: %s', (_, header, isAnother) => {
    const table = new EtcdTable();
    table.replace([], at(7n));
    expect(table.isAnotherHistory(header)).toBe(isAnother);
  });

  it('has, after any changes, what a range at their end would give', () => {
    const change = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd').map(key),
      value: fc.option(fc.integer({ min: 1, max: 9 }).map(value), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(change)), (answers) => {
        const table = new EtcdTable();
        table.replace([], at(0n));
        const store = new Map<string, string>();
        for (const [index, changes] of answers.entries()) {
          table.apply(changes, at(BigInt(index + 1)));
          for (const { key: name, value: text } of changes)
            if (text === undefined) store.delete(name);
            else store.set(name, text);
        }
        const range = new EtcdTable();
        range.replace(
          [...store].map(([name, text]) => ({ key: name, value: text })),
          at(99n),
        );
        const sorted = (one: EtcdTable) =>
          one.peers.map(({ origin, port }) => origin + port).sort();
        expect(sorted(table)).toEqual(sorted(range));
      }),
    );
  });
});
