import { Unit } from '../../gen/weir/v1/common.js';
import type {
  BusyCounter,
  ListBusiestCountersResponse,
} from '../../gen/weir/v1/inspection_service.js';
import { enumeration, flag, int64, listOf, optional, text } from './codec.js';
import { message } from './message.js';
import { interval, owner } from './policy-messages.js';
import { duration } from './well-known.js';

const busyCounter = message<BusyCounter>({
  name: text,
  policyId: text,
  policyName: text,
  owner: optional(owner),
  unit: enumeration<Unit>(Unit),
  limit: int64,
  counted: int64,
  interval: optional(interval),
  shadow: flag,
  groupValues: listOf(text),
  overflow: flag,
  asked: int64,
  askedErrorMax: int64,
});

export const busiestCounters = message<ListBusiestCountersResponse>({
  counters: listOf(busyCounter),
  observed: optional(duration),
});
