import { formatDuration } from '../input/duration.js';
import { formatUsd } from '../input/usd.js';
import type { Json } from '../json/codec.js';
import { checkLimitResponse } from '../json/quota-messages.js';
import { isAllowed, reasonName } from '../output/decision-text.js';
import { quantityText, retryText } from '../output/policy-text.js';
import type { Column } from '../output/table.js';
import { DEFAULT_TARGET } from '../connection.js';
import type { DemoCall } from './demo.js';
import {
  ALLOWANCE_NANOS,
  BUDGET,
  BURST_LIMIT,
  costNanos,
  DAILY_LIMIT,
  KEY,
  MODEL,
  PROVIDER,
  type Scene,
} from './scene.js';

const left = (policyId: string) => (call: DemoCall) => {
  const status = call.statuses.find((candidate) => candidate.policyId === policyId);
  return status ? quantityText(status.remaining, status.unit) : '';
};

export const STORY_COLUMNS: readonly Column<DemoCall>[] = [
  { title: '#', align: 'right', text: ({ number }) => number.toString() },
  { title: 'CALL', text: ({ kind }) => kind.name },
  {
    title: 'COST',
    align: 'right',
    text: ({ kind }) => formatUsd(costNanos(kind.input, kind.output)),
  },
  { title: 'DECISION', text: ({ answer }) => (isAllowed(answer) ? 'allowed' : 'DENIED') },
  { title: 'WHY', text: whyText },
  { title: '5/10s', align: 'right', text: left(BURST_LIMIT) },
  { title: '1000/day', align: 'right', text: left(DAILY_LIMIT) },
  { title: 'BUDGET', align: 'right', text: left(BUDGET) },
  { title: 'RETRY IN', text: ({ answer }) => retryText(answer.retryAfter) },
];

export function introText(scene: Scene, address: string): string {
  const again =
    scene.spentNanos > 0n
      ? `This month's earlier runs spent ${formatUsd(scene.spentNanos)}, so the budget is now ` +
        `${formatUsd(scene.budgetNanos)}: ${formatUsd(ALLOWANCE_NANOS)} are left.\n`
      : '';
  const secret =
    scene.secret === undefined
      ? ''
      : `The key's secret, shown this once: ${scene.secret}\n  (a gateway finds a key by its secret; here its id will do)\n`;
  return (
    `Weir answers at ${address}. It has a customer "Quickstart Inc.", its team "Search", and the\n` +
    'key "Ada" of that team, with three rules:\n' +
    '  - a limit of 5 requests per 10 s (5/10s)\n' +
    '  - a limit of 1000 requests per day (1000/day)\n' +
    `  - a budget of ${formatUsd(scene.budgetNanos)} per month (BUDGET)\n` +
    `${again}${secret}\n` +
    'A gateway asks CheckLimit before each call to a model, and tells DebitBudget what it cost after.\n' +
    'These calls were made over gRPC; 5/10s, 1000/day and BUDGET say what was left of each rule:\n\n'
  );
}

export function outroText(calls: readonly DemoCall[]): string {
  const waited = calls.filter(({ waitedMs }) => waitedMs !== undefined);
  const waits = waited.map(({ number, waitedMs = 0 }) => {
    return `After call ${number} the caller waited ${formatDuration(waitedMs)}, as it was told.\n`;
  });
  return (
    `\n${waits.join('')}` +
    'A call is counted only if every rule has room; a denied call costs nothing, anywhere.\n' +
    'Out of budget means: not before the month ends, or until someone raises the budget.\n'
  );
}

/** Commands to copy, for the service as it runs now. */
export function nextText(
  weir: string,
  { grpcAddress, httpAddress }: { readonly grpcAddress: string; readonly httpAddress: string },
  { budgetNanos, freeKeyId }: Scene,
): string {
  const target = grpcAddress === DEFAULT_TARGET ? '' : ` --target ${grpcAddress}`;
  const run = (command: string): string => `  ${weir} ${command}${target}\n`;
  return (
    '\nTry next, in another terminal:\n\n' +
    '  # what the key has used, and what is left\n' +
    run(`usage --key ${KEY}`) +
    '  # raise the budget, and ask again\n' +
    run(`budget update ${BUDGET} --budget ${formatUsd(budgetNanos + ALLOWANCE_NANOS).slice(1)}`) +
    run(`check --key ${KEY} --model ${PROVIDER}/${MODEL}`) +
    '  # a key of your own, with a limit\n' +
    run(`key create ${freeKeyId}`) +
    run(`limit create --key ${freeKeyId} --max 100 --per 1m`) +
    run(`check --key ${freeKeyId} --model ${PROVIDER}/${MODEL}`) +
    '  # health and metrics\n' +
    `  curl http://${httpAddress}/health/ready\n` +
    `  curl http://${httpAddress}/metrics\n`
  );
}

export function storyJson(calls: readonly DemoCall[]): Json {
  return calls.map((call) => ({
    number: call.number,
    call: call.kind.name,
    costNanos: costNanos(call.kind.input, call.kind.output).toString(),
    allowed: isAllowed(call.answer),
    reason: isAllowed(call.answer) ? '' : reasonName(call.answer.reason),
    ...(call.debitedNanos === undefined ? {} : { debitedNanos: call.debitedNanos.toString() }),
    ...(call.waitedMs === undefined ? {} : { waitedMs: call.waitedMs }),
    answer: checkLimitResponse.write(call.answer) ?? null,
  }));
}

function whyText({ answer }: DemoCall): string {
  if (isAllowed(answer)) return 'all have room';
  const reason = reasonName(answer.reason);
  return answer.bindingPolicyId === BURST_LIMIT ? `${reason} (5/10s)` : reason;
}
