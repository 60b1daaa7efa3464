/**
 * What version 1 of the peer protocol looks like on the wire. These bytes were sent by a release: later ones
 * must go on reading them, and must not say anything else in their place.
 */
import { describe, expect, it } from '@jest/globals';
import { ConnectRequest, ConnectResponse } from '../../src/gen/weir/peer/v1/peer_service.js';
import type {
  ConnectRequest as Request,
  ConnectResponse as Response,
  Source,
} from '../../src/cluster/core/peer-message.js';
import {
  requestFromProto,
  requestToProto,
  responseFromProto,
  responseToProto,
} from '../../src/cluster/peer-proto.js';

const source: Source = { replicaId: 'weir-0', bootId: 'b1', region: 'eu' };
const known = [{ source, through: 300, seen: 310 }];
const hello = {
  cluster: 'prod',
  source,
  protocolVersion: 1,
  settings: new Map([['counters.key', 'abc']]),
  known,
};
const entries = Buffer.from([1, 2, 3]);

const REQUESTS: readonly (readonly [Request, string])[] = [
  [
    { kind: 'hello', hello },
    '0a4b0a0470726f6412100a06776569722d30120262311a026575180122130a0c636f756e746572732e6b657912036162632a1a0a180a100a06776569722d30120262311a02657510ac0218b602',
  ],
  [
    {
      kind: 'delta',
      feed: 'own',
      from: 5,
      to: 300,
      isComplete: true,
      isState: false,
      entries,
      sentAtMs: 1_700_000_000_000,
      known: [],
      silenceMs: 0,
    },
    '12150801100518ac02200132030102033880a0abfef962',
  ],
  [
    {
      kind: 'delta',
      feed: 'region',
      from: 0,
      to: 0,
      isComplete: false,
      isState: true,
      entries: Buffer.alloc(0),
      sentAtMs: 0,
      known: [],
      silenceMs: 0,
    },
    '120408022801',
  ],
  [
    {
      kind: 'delta',
      feed: 'foreign',
      from: 0,
      to: 0,
      isComplete: false,
      isState: true,
      entries: Buffer.alloc(0),
      sentAtMs: 0,
      known,
      silenceMs: 5_000,
    },
    '12210803280142180a100a06776569722d30120262311a02657510ac0218b602488827',
  ],
  [{ kind: 'digest', known }, '1a1a0a180a100a06776569722d30120262311a02657510ac0218b602'],
  [{ kind: 'stateRequest', source, cursor: 7 }, '22140a100a06776569722d30120262311a0265751007'],
  [
    { kind: 'holdChange', token: 1, bootId: 'b1', counterName: 'lim_1/g', holdId: 2 ** 52 },
    '2a180801120262311a076c696d5f312f67208080808080808008',
  ],
  [
    {
      kind: 'holdChange',
      token: 2,
      bootId: 'b1',
      counterName: 'lim_1/g',
      holdId: 3,
      renewMs: 60_000,
    },
    '2a150802120262311a076c696d5f312f67200328e0d403',
  ],
  [{ kind: 'policyHint', version: 42 }, '3202082a'],
];

const RESPONSES: readonly (readonly [Response, string])[] = [
  [
    { kind: 'welcome', hello },
    '0a4b0a0470726f6412100a06776569722d30120262311a026575180122130a0c636f756e746572732e6b657912036162632a1a0a180a100a06776569722d30120262311a02657510ac0218b602',
  ],
  [
    { kind: 'refusal', reason: 'settings', settings: ['counters.key'] },
    '12180a0873657474696e6773120c636f756e746572732e6b6579',
  ],
  [
    { kind: 'ack', feed: 'foreign', position: 300, sentAtMs: 1_700_000_000_000, receivedAtMs: -5 },
    '1a0e080310ac021880a0abfef9622009',
  ],
  [
    { kind: 'state', source, cursor: 0, nextCursor: 9, through: 300, entries, sentAtMs: 1 },
    '221e0a100a06776569722d30120262311a026575180920ac022a030102033002',
  ],
  [
    { kind: 'state', source, cursor: 9, nextCursor: undefined, through: 300, entries, sentAtMs: 1 },
    '221e0a100a06776569722d30120262311a026575100920ac022a030102033002',
  ],
  [{ kind: 'holdChanged', token: 1, wasHeld: true }, '2a0408011001'],
];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('version 1 of the peer protocol', () => {
  it.each(REQUESTS)('keeps its requests: %j', (message, bytes) => {
    expect(hex(ConnectRequest.encode(requestToProto(message)).finish())).toBe(bytes);
    const read = requestFromProto(ConnectRequest.decode(Buffer.from(bytes, 'hex')));
    expect(read).toEqual(message);
  });

  it.each(RESPONSES)('keeps its answers: %j', (message, bytes) => {
    expect(hex(ConnectResponse.encode(responseToProto(message)).finish())).toBe(bytes);
    const read = responseFromProto(ConnectResponse.decode(Buffer.from(bytes, 'hex')));
    expect(read).toEqual(message);
  });

  it('passes over fields of a later release, and does not send them on', () => {
    for (const [message, bytes] of REQUESTS) {
      const later = `${grown(bytes)}f20603787878`;
      const read = requestFromProto(ConnectRequest.decode(Buffer.from(later, 'hex')));
      expect(read).toEqual(message);
      if (read === undefined) throw new Error('was read');
      expect(hex(ConnectRequest.encode(requestToProto(read)).finish())).toBe(bytes);
    }
  });

  it('passes over messages and feeds of a later release', () => {
    expect(requestFromProto(ConnectRequest.decode(Buffer.from('a20600', 'hex')))).toBeUndefined();
    expect(responseFromProto(ConnectResponse.decode(Buffer.from('a20600', 'hex')))).toBeUndefined();
    expect(requestFromProto(ConnectRequest.decode(Buffer.from('12020809', 'hex')))).toBeUndefined();
    expect(
      responseFromProto(ConnectResponse.decode(Buffer.from('1a020809', 'hex'))),
    ).toBeUndefined();
  });
});

/** The same message with a field 110 more, which is a text. */
function grown(bytes: string): string {
  const message = Buffer.from(bytes, 'hex');
  const [tag = 0, length = 0] = message;
  if (length > 0x70) return bytes;
  const more = Buffer.from([0xf2, 0x06, 0x02, 0x68, 0x69]);
  return hex(Buffer.concat([Buffer.from([tag, length + more.length]), message.subarray(2), more]));
}
