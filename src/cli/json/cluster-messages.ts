import {
  type KeyAnswer,
  type KeyUse,
  LinkState,
  type Member,
  MemberState,
} from '../../gen/weir/v1/cluster_service.js';
import { enumeration, flag, listOf, optional, text, uint32 } from './codec.js';
import { message } from './message.js';
import { duration, timestamp } from './well-known.js';

export const member = message<Member>({
  name: text,
  address: text,
  state: enumeration<MemberState>(MemberState),
  stateSince: optional(timestamp),
  region: text,
  incarnation: uint32,
  rtt: optional(duration),
  bootId: text,
  version: text,
  settingsHash: text,
  settingsAgree: flag,
  grpcPort: uint32,
  httpPort: uint32,
  peerPort: uint32,
  routable: flag,
  isSelf: flag,
  link: enumeration<LinkState>(LinkState),
  linkDetail: text,
  freshness: optional(duration),
  clockSkew: optional(duration),
});

export const keyAnswer = message<KeyAnswer>({ member: text, problem: text });

export const keyUse = message<KeyUse>({
  keyId: text,
  installedOn: listOf(text),
  usedBy: listOf(text),
});
