import type { BusyCounter } from '../../gen/weir/v1/inspection_service.js';
import { intervalText, ownerText, quantityText } from './policy-text.js';
import type { Column } from './table.js';

/** `observedSeconds`: the time in which questions were counted. */
export const busyColumns = (observedSeconds: number): readonly Column<BusyCounter>[] => [
  { title: 'PER SECOND', align: 'right', text: ({ asked }) => rateText(asked, observedSeconds) },
  { title: 'POLICY', text: policyText },
  { title: 'OWNER', text: ({ owner }) => ownerText(owner) },
  { title: 'GROUP', text: groupText },
  { title: 'COUNTED', align: 'right', text: countedText },
  { title: 'WINDOW (UTC)', text: ({ interval }) => intervalText(interval) },
];

function rateText(asked: bigint, observedSeconds: number): string {
  const rate = observedSeconds > 0 ? Number(asked) / observedSeconds : 0;
  return rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}

function policyText({ name, policyId, policyName, shadow }: BusyCounter): string {
  if (policyId === '') return `${name} (deleted or changed)`;
  return `${policyName || policyId}${shadow ? ' (shadow)' : ''}`;
}

const groupText = ({ groupValues, overflow }: BusyCounter): string =>
  overflow ? '(all others)' : groupValues.join(', ');

function countedText({ policyId, counted, limit, unit }: BusyCounter): string {
  if (policyId === '') return '-';
  return `${quantityText(counted, unit)} / ${quantityText(limit, unit)}`;
}
