import { status } from '@grpc/grpc-js';
import { GrpcCallError } from '../rpc/grpc-client.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import type { Json } from './json/codec.js';
import { JsonError } from './json/codec.js';
import { printable } from './output/printable.js';

/** A failure as both audiences need it. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly text: string;
  readonly json: Json;
}

/** Which option gives a field, by the last part of its path. */
const OPTIONS: Readonly<Record<string, string>> = {
  id: 'the id',
  name: '--name',
  maximum: '--max',
  amount_nanos: '--budget or --amount',
  duration: '--per',
  calendar: '--per',
  refill: '--rate',
  interval: '--rate',
  hold: '--hold',
  ttl: '--hold',
  unit: '--unit',
  algorithm: '--algorithm',
  group_by: '--group-by',
  groups_max: '--groups-max',
  group: '--group',
  window: '--per',
  period: '--per',
  time_zone: '--time-zone',
  anchor_day: '--anchor-day',
  anchor_month: '--anchor-month',
  owner: '--customer, --team, --key or --root',
  customer_id: '--customer',
  team_id: '--team',
  idempotency_key: '--idempotency-key',
  requests: '--requests',
  labels: '--label',
  provider: '--provider',
  model: '--model',
  expires_at: '--expires',
  usage: '--input-tokens and its like',
  budget_id: '--budget or the id',
  virtual_key_id: '--key',
  reservation_id: 'the id',
  start: '--from',
  end: '--to',
  anchor: '--anchor',
  on_expiry: '--on-expiry',
  on_unavailable: '--on-unavailable',
  scope: '--scope',
  on_unpriced: '--on-unpriced',
  threshold_percents: '--thresholds',
  carry_over: '--carry-max and its like',
  max_nanos: '--carry-max',
  min_nanos: '--carry-min',
  starts_at: '--from',
  ends_at: '--until or --for',
  reason: '--reason',
  actor: '--actor',
};

export function describeFailure(error: unknown): Failure {
  if (error instanceof GrpcCallError) return describeCall(error);
  if (error instanceof CliError) return plain(error.exitCode, error.message);
  if (error instanceof JsonError) return plain(EXIT.USAGE, error.message);
  if (isFileError(error)) return plain(EXIT.USAGE, fileErrorText(error));
  return plain(EXIT.FAILED, error instanceof Error ? error.message : String(error));
}

function describeCall(error: GrpcCallError): Failure {
  const { violations, retryAfterMs } = error.details;
  return {
    exitCode: exitCodeOf(error.code),
    text: printable(callText(error)).replaceAll('\\u{a}', '\n'),
    json: {
      code: error.codeName,
      message: error.message,
      violations: violations.map(({ field, description }) => ({ field, description })),
      ...(retryAfterMs === undefined ? {} : { retryAfter: `${retryAfterMs / 1_000}s` }),
    },
  };
}

function callText(error: GrpcCallError): string {
  const { address, violations, retryAfterMs, method } = error.details;
  if (error.code === status.UNAVAILABLE) {
    return (
      `No service answers at ${address}: ${connectionProblem(error.message)}\n` +
      'Start one with `weir serve`, or name another with --target HOST:PORT or WEIR_TARGET.'
    );
  }
  if (error.code === status.DEADLINE_EXCEEDED) {
    return `${address} did not answer in time. Is it overloaded? --timeout gives it longer.`;
  }
  if (error.code === status.UNIMPLEMENTED) {
    return `The service at ${address} does not know ${method}: is it Weir?`;
  }
  if (violations.length > 0) return violations.map(violationText).join('\n');
  const retry = retryAfterMs === undefined ? '' : ` Retry in ${retryAfterMs}ms.`;
  return `${error.codeName}: ${error.message}${retry}`;
}

/** grpc-js wraps the one thing that matters, such as `connect ECONNREFUSED 127.0.0.1:50051`. */
const connectionProblem = (message: string): string =>
  message
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\.? Resolution note:\s*$/, '');

function violationText({ field, description }: { field: string; description: string }): string {
  const parts = field.split(/[.[]/).reverse();
  const option = parts.map((part) => OPTIONS[part]).find((name) => name !== undefined);
  return `${field}${option ? ` (${option})` : ''}: ${description}`;
}

const exitCodeOf = (code: status): ExitCode => EXIT_CODES.get(code) ?? EXIT.FAILED;

const EXIT_CODES: ReadonlyMap<status, ExitCode> = new Map([
  [status.INVALID_ARGUMENT, EXIT.USAGE],
  [status.OUT_OF_RANGE, EXIT.USAGE],
  [status.NOT_FOUND, EXIT.USAGE],
  [status.ALREADY_EXISTS, EXIT.USAGE],
  [status.FAILED_PRECONDITION, EXIT.USAGE],
  [status.UNAVAILABLE, EXIT.UNAVAILABLE],
  [status.DEADLINE_EXCEEDED, EXIT.UNAVAILABLE],
  [status.RESOURCE_EXHAUSTED, EXIT.UNAVAILABLE],
]);

const plain = (exitCode: ExitCode, text: string): Failure => ({
  exitCode,
  text,
  json: { code: CODE_NAMES[exitCode], message: text },
});

const CODE_NAMES: Readonly<Record<ExitCode, string>> = {
  [EXIT.OK]: 'OK',
  [EXIT.DENIED]: 'DENIED',
  [EXIT.USAGE]: 'INVALID_ARGUMENT',
  [EXIT.UNAVAILABLE]: 'UNAVAILABLE',
  [EXIT.FAILED]: 'FAILED',
};

interface FileError {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** An error of Node's file system, by its shape. */
const isFileError = (error: unknown): error is FileError =>
  typeof error === 'object' &&
  error !== null &&
  'syscall' in error &&
  'path' in error &&
  typeof error.path === 'string' &&
  'code' in error &&
  typeof error.code === 'string';

function fileErrorText({ code, path, message }: FileError): string {
  if (code === 'ENOENT') return `There is no file ${path}.`;
  if (code === 'EACCES') return `The file ${path} may not be read.`;
  if (code === 'EISDIR') return `${path} is a folder, not a file.`;
  return message;
}
