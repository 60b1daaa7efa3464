/**
 * The messages of peers, to and from their form on the wire. What is missing in a message, as it is where
 * the peer is of another release, takes the value that does no harm; a message of a kind that this release
 * does not know is `undefined`.
 */
import {
  ConnectRequest as RequestProto,
  ConnectResponse as ResponseProto,
  type Digest as DigestProto,
  Feed as FeedProto,
  type Hello as HelloProto,
  type KnownSource as KnownSourceProto,
  type Source as SourceProto,
} from '../gen/weir/peer/v1/peer_service.js';
import type {
  ConnectRequest,
  ConnectResponse,
  Feed,
  Hello,
  KnownSource,
  RefusalReason,
  Source,
} from './core/peer-message.js';

export function requestToProto(message: ConnectRequest): RequestProto {
  switch (message.kind) {
    case 'hello':
      return request({ $case: 'hello', value: helloToProto(message.hello) });
    case 'delta':
      return request({
        $case: 'delta',
        value: {
          ...message,
          feed: FEEDS[message.feed],
          from: BigInt(message.from),
          to: BigInt(message.to),
          entries: Buffer.from(message.entries),
          sentAtMs: BigInt(Math.round(message.sentAtMs)),
          known: message.known.map(knownToProto),
          silenceMs: BigInt(Math.round(message.silenceMs)),
        },
      });
    case 'digest':
      return request({ $case: 'digest', value: { known: message.known.map(knownToProto) } });
    case 'stateRequest': {
      const { source, cursor } = message;
      return request({ $case: 'stateRequest', value: { source, cursor: BigInt(cursor) } });
    }
    case 'holdChange': {
      const { renewMs, token, holdId } = message;
      const renewed = renewMs === undefined ? {} : { renewMs: BigInt(renewMs) };
      const { bootId, counterName } = message;
      const change = { bootId, counterName, token: BigInt(token), holdId: BigInt(holdId) };
      return request({ $case: 'holdChange', value: { ...change, ...renewed } });
    }
    case 'policyHint':
      return request({ $case: 'policyHint', value: { version: BigInt(message.version) } });
  }
}

export function requestFromProto({ message }: RequestProto): ConnectRequest | undefined {
  switch (message?.$case) {
    case 'hello':
      return { kind: 'hello', hello: helloFromProto(message.value) };
    case 'delta': {
      const feed = feedFromProto(message.value.feed);
      if (feed === undefined) return undefined;
      const { from, to, isComplete, isState, entries, sentAtMs, silenceMs } = message.value;
      const span = { from: Number(from), to: Number(to), isComplete, isState };
      const known = knownFromProto(message.value);
      const said = { known, silenceMs: Number(silenceMs), sentAtMs: Number(sentAtMs) };
      return { kind: 'delta', feed, ...span, entries, ...said };
    }
    case 'digest':
      return { kind: 'digest', known: knownFromProto(message.value) };
    case 'stateRequest': {
      const { source, cursor } = message.value;
      return { kind: 'stateRequest', source: sourceFromProto(source), cursor: Number(cursor) };
    }
    case 'holdChange': {
      const { token, bootId, counterName, holdId, renewMs } = message.value;
      const change = { token: Number(token), bootId, counterName, holdId: Number(holdId) };
      const renewed = renewMs === undefined ? {} : { renewMs: Number(renewMs) };
      return { kind: 'holdChange', ...change, ...renewed };
    }
    case 'policyHint':
      return { kind: 'policyHint', version: Number(message.value.version) };
    case undefined:
      return undefined;
  }
}

export function responseToProto(message: ConnectResponse): ResponseProto {
  switch (message.kind) {
    case 'welcome':
      return response({ $case: 'welcome', value: helloToProto(message.hello) });
    case 'refusal': {
      const { reason, settings } = message;
      return response({ $case: 'refusal', value: { reason, settings: [...settings] } });
    }
    case 'ack':
      return response({
        $case: 'ack',
        value: {
          feed: FEEDS[message.feed],
          position: BigInt(message.position),
          sentAtMs: BigInt(Math.round(message.sentAtMs)),
          receivedAtMs: BigInt(Math.round(message.receivedAtMs)),
        },
      });
    case 'state': {
      const { source, nextCursor, sentAtMs } = message;
      const next = nextCursor === undefined ? {} : { nextCursor: BigInt(nextCursor) };
      const at = {
        cursor: BigInt(message.cursor),
        sentAtMs: BigInt(Math.round(sentAtMs)),
        ...next,
      };
      const entries = Buffer.from(message.entries);
      const value = { source, entries, through: BigInt(message.through), ...at };
      return response({ $case: 'state', value });
    }
    case 'holdChanged': {
      const { token, wasHeld } = message;
      return response({ $case: 'holdChanged', value: { token: BigInt(token), wasHeld } });
    }
  }
}

export function responseFromProto({ message }: ResponseProto): ConnectResponse | undefined {
  switch (message?.$case) {
    case 'welcome':
      return { kind: 'welcome', hello: helloFromProto(message.value) };
    case 'refusal': {
      const { reason, settings } = message.value;
      return { kind: 'refusal', reason: reasonFromProto(reason), settings };
    }
    case 'ack': {
      const feed = feedFromProto(message.value.feed);
      if (feed === undefined) return undefined;
      const { position, sentAtMs, receivedAtMs } = message.value;
      const times = { sentAtMs: Number(sentAtMs), receivedAtMs: Number(receivedAtMs) };
      return { kind: 'ack', feed, position: Number(position), ...times };
    }
    case 'state': {
      const { source, cursor, nextCursor, through, entries, sentAtMs } = message.value;
      return {
        kind: 'state',
        source: sourceFromProto(source),
        cursor: Number(cursor),
        nextCursor: nextCursor === undefined ? undefined : Number(nextCursor),
        through: Number(through),
        entries,
        sentAtMs: Number(sentAtMs),
      };
    }
    case 'holdChanged': {
      const { token, wasHeld } = message.value;
      return { kind: 'holdChanged', token: Number(token), wasHeld };
    }
    case undefined:
      return undefined;
  }
}

const request = (message: NonNullable<RequestProto['message']>): RequestProto => ({ message });
const response = (message: NonNullable<ResponseProto['message']>): ResponseProto => ({ message });

const FEEDS: Readonly<Record<Feed, FeedProto>> = {
  own: FeedProto.FEED_OWN,
  region: FeedProto.FEED_REGION,
  foreign: FeedProto.FEED_FOREIGN,
};

function feedFromProto(feed: FeedProto): Feed | undefined {
  if (feed === FeedProto.FEED_OWN) return 'own';
  if (feed === FeedProto.FEED_REGION) return 'region';
  return feed === FeedProto.FEED_FOREIGN ? 'foreign' : undefined;
}

/** A reason that a later release has invented is no reason to accept: it counts as of the protocol. */
function reasonFromProto(reason: string): RefusalReason {
  const known: readonly string[] = ['cluster', 'protocol', 'settings', 'identity'];
  return known.includes(reason) ? (reason as RefusalReason) : 'protocol';
}

const helloToProto = (hello: Hello): HelloProto => ({
  cluster: hello.cluster,
  source: hello.source,
  protocolVersion: hello.protocolVersion,
  settings: Object.fromEntries(hello.settings),
  digest: { known: hello.known.map(knownToProto) },
});

const helloFromProto = (hello: HelloProto): Hello => ({
  cluster: hello.cluster,
  source: sourceFromProto(hello.source),
  protocolVersion: hello.protocolVersion,
  settings: new Map(Object.entries(hello.settings)),
  known: knownFromProto(hello.digest),
});

const knownToProto = ({ source, through, seen }: KnownSource): KnownSourceProto => ({
  source,
  through: BigInt(through),
  seen: BigInt(seen),
});

const knownFromProto = (digest: Pick<DigestProto, 'known'> | undefined): readonly KnownSource[] =>
  (digest?.known ?? []).map(({ source, through, seen }) => ({
    source: sourceFromProto(source),
    through: Number(through),
    seen: Number(seen),
  }));

const sourceFromProto = (source: SourceProto | undefined): Source => ({
  replicaId: source?.replicaId ?? '',
  bootId: source?.bootId ?? '',
  region: source?.region ?? '',
});
