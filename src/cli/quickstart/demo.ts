import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PolicyStatus } from '../../gen/weir/v1/common.js';
import { type CheckLimitResponse, DenyReason } from '../../gen/weir/v1/quota_service.js';
import type { Connection } from '../connection.js';
import { CliError, EXIT } from '../exit-code.js';
import { formatDuration } from '../input/duration.js';
import { isAllowed } from '../output/decision-text.js';
import { durationMs } from '../output/policy-text.js';
import { BURST_LIMIT, BURST_MAX, costNanos, KEY, MODEL, PROVIDER } from './scene.js';

/** One call of the demonstration, and what became of it. */
export interface DemoCall {
  readonly number: number;
  readonly kind: CallKind;
  readonly answer: CheckLimitResponse;
  /** What was debited; absent if the call was denied. */
  readonly debitedNanos?: bigint;
  /** Every policy, after the call. */
  readonly statuses: readonly PolicyStatus[];
  /** How long was waited afterwards because the answer said so, in milliseconds. */
  readonly waitedMs?: number;
}

export interface CallKind {
  readonly name: string;
  readonly input: bigint;
  readonly output: bigint;
}

/** 1.1 cents; five of them fit into the burst limit. */
const QUESTION: CallKind = { name: 'a question', input: 1_200n, output: 800n };
/** 4.5 cents, what five questions leave of 10: the budget is spent to the last nano-dollar. */
const DOCUMENT: CallKind = { name: 'a document', input: 10_000n, output: 2_000n };

const CALLS_MAX = 40;
const WAIT_MAX_MS = 30_000;

/**
 * Calls as a gateway would, a check before and a debit after each, until one was rate limited and
 * one was out of budget.
 */
export async function playDemo(
  { quota }: Connection,
  say: (text: string) => void,
): Promise<readonly DemoCall[]> {
  const calls: DemoCall[] = [];
  let wasRateLimited = false;
  while (calls.length < CALLS_MAX) {
    const kind = wasRateLimited ? DOCUMENT : QUESTION;
    const call = await oneCall(quota, calls.length + 1, kind);
    const { reason } = call.answer;
    if (reason === DenyReason.DENY_REASON_BUDGET_EXHAUSTED) return [...calls, call];
    if (reason === DenyReason.DENY_REASON_RATE_LIMITED) {
      wasRateLimited = true;
      const waitedMs = await waitAsTold(call, say);
      calls.push({ ...call, waitedMs });
    } else {
      calls.push(call);
    }
  }
  throw new CliError(`No call ran out of budget within ${CALLS_MAX} calls.`, EXIT.FAILED);
}

/** Lets the calls of an earlier run pass out of the window, so that the story begins at its start. */
export async function untilBurstIsFree(
  { quota }: Connection,
  say: (text: string) => void,
): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MAX_MS;
  for (let said = false; performance.now() < deadlineMs; said = true) {
    const subject = { $case: 'virtualKeyId' as const, value: KEY };
    const { statuses } = await quota.getUsage({ subject, interval: undefined, group: {} });
    const burst = statuses.find(({ policyId }) => policyId === BURST_LIMIT);
    if (!burst || burst.remaining >= BURST_MAX) return;
    if (!said) say('An earlier run has used the limit; waiting until its window has passed ..');
    await delay(250);
  }
}

async function oneCall(
  quota: Connection['quota'],
  number: number,
  kind: CallKind,
): Promise<DemoCall> {
  const subject = { $case: 'virtualKeyId' as const, value: KEY };
  const call = { subject, provider: PROVIDER, model: MODEL, labels: {} };
  const amountNanos = costNanos(kind.input, kind.output);
  const reservationKey = `quickstart-${randomUUID()}`;
  const answer = await quota.checkLimit({
    ...call,
    amountNanos,
    dryRun: false,
    reservationKey,
    reserveTtl: undefined,
    noHold: false,
    inputTokens: 0n,
    maxOutputTokens: 0n,
  });
  if (!isAllowed(answer)) return { number, kind, answer, statuses: answer.statuses };
  const { input, output } = kind;
  const debit = await quota.debitBudget({
    ...call,
    idempotencyKey: reservationKey,
    usage: { input, cachedInput: 0n, output, reasoning: 0n },
    countLimits: false,
    reservation: { $case: 'reservationKey', value: reservationKey },
  });
  const newer = new Map(debit.statuses.map((status) => [status.policyId, status]));
  const statuses = answer.statuses.map((status) => newer.get(status.policyId) ?? status);
  return { number, kind, answer, debitedNanos: debit.amountNanos, statuses };
}

async function waitAsTold({ answer }: DemoCall, say: (text: string) => void): Promise<number> {
  const waitMs = answer.retryAfter ? Math.ceil(durationMs(answer.retryAfter)) : 0;
  if (waitMs < 1 || waitMs > WAIT_MAX_MS) {
    const told = answer.retryAfter ? formatDuration(waitMs) : 'never';
    throw new CliError(`The service said to retry after: ${told}. That is not plausible.`, 4);
  }
  say(`Rate limited: waiting ${formatDuration(waitMs)}, as the answer says ..`);
  await delay(waitMs);
  return waitMs;
}
