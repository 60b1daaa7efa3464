import { Algorithm, type Limit, Scope } from '../../gen/weir/v1/governance_service.js';
import { formatDuration } from '../input/duration.js';
import { durationMs, periodText, quantityText, unitText } from './policy-text.js';

/** `1m`, `day (Europe/Berlin)`, `10/1s`, `at once, 30s each` */
export function limitWindowText({ window, unit }: Limit): string {
  switch (window?.$case) {
    case undefined:
      return '';
    case 'duration':
    case 'calendar':
      return periodText(window);
    case 'refill': {
      const { amount, interval } = window.value;
      const time = interval ? formatDuration(durationMs(interval)) : '?';
      return `${quantityText(amount, unit)}/${time}`;
    }
    case 'hold': {
      const { ttl } = window.value;
      return ttl ? `at once, ${formatDuration(durationMs(ttl))} each` : 'at once';
    }
  }
}

/** `100 requests per 1m`, `10/1s requests, burst 20`, `5 calls at once` */
export function limitName(limit: Limit): string {
  const { maximum, unit, window } = limit;
  const most = quantityText(maximum, unit);
  if (window?.$case === 'hold') return `${most} ${maximum === 1n ? 'call' : 'calls'} at once`;
  const per = limitWindowText(limit);
  if (window?.$case === 'refill') return `${per} ${unitText(unit)}, burst ${most}`;
  return `${most} ${wordOf(limit)} per ${per}`;
}

const wordOf = ({ maximum, unit }: Limit): string =>
  maximum === 1n ? unitText(unit).replace(/s$/, '') : unitText(unit);

export const algorithmText = (algorithm: Algorithm): string =>
  (Algorithm[algorithm] ?? '').replace('ALGORITHM_', '').replace('_', ' ').toLowerCase();

/** `model, label:user; at most 10000` */
export const groupByText = ({ groupBy, groupsMax }: Limit): string =>
  groupBy.length === 0 ? '' : `${groupBy.join(', ')}; at most ${groupsMax ?? '?'}`;

/** Nothing, where all regions count together. */
export const scopeText = ({ scope }: Limit): string =>
  scope === Scope.SCOPE_REGION ? 'region' : '';
