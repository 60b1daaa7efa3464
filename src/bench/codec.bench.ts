/**
 * What it costs to read a check and to write its answer, over four limits: with the generated codec, by way
 * of its messages, and with our own.
 */
import { type WallMs, wallMs } from '../common/time.js';
import { CheckLimitRequest, CheckLimitResponse } from '../gen/weir/v1/quota_service.js';
import { encodeCheckAnswer } from '../quota/check-answer-codec.js';
import type { CheckAnswer } from '../quota/check-limit.service.js';
import { decodeCheck } from '../quota/check-request-codec.js';
import type { PolicyVerdict } from '../quota/core/decision.js';
import { fromCheckAnswer, toRawCheck } from '../quota/quota-proto.js';
import { type Bench, type BenchResult, median, round } from './bench-result.js';
import { cpuNanos } from './counter-load.js';

const SLICE = 2_000;
const SLICES = 100;
const NOW: WallMs = wallMs(1_780_000_000_000);

export const codecBench: Bench = {
  name: 'codec',
  async run(_options, progress): Promise<BenchResult> {
    const request = Buffer.from(CheckLimitRequest.encode(REQUEST).finish());
    const labelled = Buffer.from(CheckLimitRequest.encode(LABELLED).finish());
    const written = encodeCheckAnswer(ANSWER).length;
    const measured = (name: string, work: () => unknown): number => {
      progress(name);
      return measure(work);
    };
    const row = (name: string, generated: () => unknown, own: () => unknown) => {
      const [theirs, ours] = [measured(name, generated), measured(name, own)];
      return [name, round(theirs, 0), round(ours, 0), round(theirs / ours, 1)];
    };
    const readGenerated = (bytes: Buffer) => toRawCheck(CheckLimitRequest.decode(bytes));
    return {
      name: 'codec',
      title: 'Reading a check and writing its answer',
      columns: ['message', 'generated, ns', 'own, ns', 'generated / own'],
      rows: [
        row(
          `request, ${request.length} bytes`,
          () => readGenerated(request),
          () => decodeCheck(request),
        ),
        row(
          `request with two labels, ${labelled.length} bytes`,
          () => readGenerated(labelled),
          () => decodeCheck(labelled),
        ),
        row(
          `answer with four limits, ${written} bytes`,
          () => Buffer.from(CheckLimitResponse.encode(fromCheckAnswer(ANSWER)).finish()),
          () => encodeCheckAnswer(ANSWER),
        ),
      ],
      notes: [`CPU time, median of ${SLICES} slices of ${SLICE}`],
    };
  },
};

function measure(work: () => unknown): number {
  const nanos: number[] = [];
  for (let slice = 0; slice < SLICES * 1.5; slice++) {
    const startedAt = cpuNanos();
    for (let i = 0; i < SLICE; i++) work();
    nanos.push((cpuNanos() - startedAt) / SLICE);
  }
  return median(nanos.slice(SLICES / 2));
}

const REQUEST: CheckLimitRequest = {
  subject: { $case: 'virtualKeyId', value: 'key_01KBQZ7M3X8V2Q7R4T5W6Y8Z9A' },
  provider: 'openai',
  model: 'gpt-4o-mini',
  labels: {},
  requests: undefined,
  amountNanos: 1_250_000n,
  dryRun: false,
  reservationKey: '',
  reserveTtl: undefined,
  noHold: true,
  inputTokens: 0n,
  maxOutputTokens: 0n,
};

const LABELLED: CheckLimitRequest = { ...REQUEST, labels: { env: 'production', app: 'search' } };

const verdict = (kind: PolicyVerdict['policy']['owner']['kind'], i: number): PolicyVerdict => ({
  kind: 'limit',
  policy: {
    policyId: `lim_01KBQZ7M3X8V2Q7R4T5W6Y8Z9${i}`,
    policyName: 'requests per minute',
    owner: { kind, id: kind === 'root' ? '' : `own_01KBQZ7M3X8V2Q7R4T5W6Y8Z9${i}` },
    shadow: false,
    unit: 'requests',
    maximum: 10_000,
    isConcurrency: false,
  },
  interval: { start: NOW, end: wallMs(NOW + 60_000) },
  remaining: 9_000 + i,
  held: 0,
  group: undefined,
  refusal: undefined,
});

const ANSWER: CheckAnswer = {
  decision: {
    kind: 'allow',
    verdicts: [
      verdict('root', 1),
      verdict('customer', 2),
      verdict('team', 3),
      verdict('virtual_key', 4),
    ],
    affordableNanos: undefined,
  },
  virtualKeyId: 'key_01KBQZ7M3X8V2Q7R4T5W6Y8Z9A',
};
