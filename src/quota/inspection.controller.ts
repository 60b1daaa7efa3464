import { Controller } from '@nestjs/common';
import { invalidArgument } from '../common/domain-error.js';
import { Unit } from '../gen/weir/v1/common.js';
import * as proto from '../gen/weir/v1/inspection_service.js';
import { fromInterval } from '../rpc/proto-interval.js';
import { toDuration } from '../rpc/proto-time.js';
import {
  BusiestCountersService,
  type CounterState,
  type InspectedCounter,
} from './busiest-counters.service.js';
import { OWNER_KINDS, UNITS } from './quota-proto.js';

const COUNTERS_MAX = 500;
const COUNTERS_DEFAULT = 20;

/** `weir.v1.InspectionService`: what a replica is busy with. */
@Controller()
@proto.InspectionServiceControllerMethods()
export class InspectionController implements proto.InspectionServiceController {
  constructor(private readonly busiest: BusiestCountersService) {}

  listBusiestCounters({
    pageSize,
  }: proto.ListBusiestCountersRequest): proto.ListBusiestCountersResponse {
    if (pageSize < 0 || pageSize > COUNTERS_MAX) {
      const description = `must be from 0 (${COUNTERS_DEFAULT}) to ${COUNTERS_MAX}, but is ${pageSize}`;
      throw invalidArgument([{ field: 'page_size', description }]);
    }
    const { counters, observedMs } = this.busiest.list(
      pageSize === 0 ? COUNTERS_DEFAULT : pageSize,
    );
    return { counters: counters.map(fromCounter), observed: toDuration(observedMs) };
  }
}

const fromCounter = ({ busy, state }: InspectedCounter): proto.BusyCounter => ({
  name: busy.name,
  ...(state === undefined ? UNKNOWN : fromState(state)),
  asked: BigInt(busy.asked),
  askedErrorMax: BigInt(busy.errorMax),
});

type StateFields = Omit<proto.BusyCounter, 'name' | 'asked' | 'askedErrorMax'>;

const UNKNOWN: StateFields = {
  policyId: '',
  policyName: '',
  owner: undefined,
  unit: Unit.UNIT_UNSPECIFIED,
  limit: 0n,
  counted: 0n,
  interval: undefined,
  shadow: false,
  groupValues: [],
  overflow: false,
};

const fromState = ({ limit, name, counted, window }: CounterState): StateFields => ({
  policyId: limit.id,
  policyName: limit.name,
  owner: { kind: OWNER_KINDS[limit.owner.kind], id: limit.owner.id },
  unit: UNITS[limit.unit],
  limit: BigInt(limit.maximum),
  counted: BigInt(counted),
  interval: fromInterval(window),
  shadow: limit.shadow,
  groupValues: [...name.groupValues],
  overflow: name.isOverflow,
});
