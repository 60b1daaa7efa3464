/**
 * What a gateway asks, after its form was checked: amounts are in range, names are of bounded length.
 * The checks name every wrong field at once, so that one round trip is enough to mend a request.
 */
import { assert } from '../../common/assert.js';
import { DomainError, type FieldViolation, invalidArgument } from '../../common/domain-error.js';
import { countOf } from './counts.js';

export type Subject =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'key'; readonly keyId: string }
  /** A call without a key. */
  | { readonly kind: 'none' };

/** What the policies of a call are matched with. */
export interface CallTarget {
  readonly subject: Subject;
  readonly provider: string;
  readonly model: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface CheckCall extends CallTarget {
  readonly requests: number;
  /** The expected cost in nano-USD; 0 if it is not given. */
  readonly amountNanos: bigint;
  /** What the call sends, and the most that it may get back: for an estimate where no cost is given. */
  readonly inputTokens: bigint;
  readonly maxOutputTokens: bigint;
  /** The expected cost in tokens: given, or what it sends and may get back. Undefined: not known. */
  readonly tokens: number | undefined;
  readonly dryRun: boolean;
  /** Ask budgets, and set nothing aside. */
  readonly noHold: boolean;
  /** The caller's own name for the reservation; empty if it gave none. */
  readonly reservationKey: string;
  /** How long the reservation lasts. Undefined: as long as the policies that match want it to. */
  readonly reserveTtlMs: number | undefined;
}

/** How a caller names a reservation: by our id, or by the key that it made. */
export type ReservationName =
  { readonly kind: 'id'; readonly id: string } | { readonly kind: 'key'; readonly key: string };

export interface ExtendCall {
  readonly subject: Subject;
  readonly reservation: ReservationName;
  readonly reserveTtlMs: number;
  readonly addNanos: bigint;
}

export interface ReleaseCall {
  readonly subject: Subject;
  readonly reservation: ReservationName;
  /** The call was not made: limits of requests give it back, too. */
  readonly refund: boolean;
}

export interface TokenCounts {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
}

export interface DebitCall extends CallTarget {
  readonly idempotencyKey: string;
  /** Undefined: to be priced from the tokens. */
  readonly amountNanos: bigint | undefined;
  readonly tokens: TokenCounts;
  readonly countLimits: boolean;
  /** The reservation that it settles. */
  readonly reservation: ReservationName | undefined;
}

/** Labels on one call. */
export const LABELS_MAX = 64;
/** Bytes of UTF-8 in a provider, model, label name, label value, key or id. */
export const NAME_BYTES_MAX = 256;
/** Bytes of UTF-8 in a key that a caller makes. */
export const KEY_BYTES_MAX = 255;
/** Requests that one call may count for. */
export const REQUESTS_MAX = 1_000_000;
/** The most that a counter can count. */
export const TOKENS_MAX = BigInt(Number.MAX_SAFE_INTEGER);
export const INT64_MAX = 9_223_372_036_854_775_807n;

export const RESERVE_TTL_DEFAULT_MS = 60_000;
export const RESERVE_TTL_MAX_MS = 86_400_000;
const RESERVE_TTL_MIN_MS = 1_000;

/** A check as it came over the wire: what may be absent is, and nothing is known to be sane yet. */
export type RawCheck = Omit<CheckCall, 'requests' | 'tokens'> & {
  readonly requests: bigint | undefined;
  readonly tokens: bigint | undefined;
};

export type RawExtend = Omit<ExtendCall, 'reservation' | 'reserveTtlMs'> & {
  readonly reservation: ReservationName | undefined;
  readonly reserveTtlMs: number | undefined;
};

export type RawRelease = Omit<ReleaseCall, 'reservation'> & {
  readonly reservation: ReservationName | undefined;
};

type Violations = readonly FieldViolation[];

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function checkCall(raw: RawCheck): CheckCall {
  const violations = targetViolations(raw);
  const requests = raw.requests === undefined ? 1 : Number(raw.requests);
  if (requests < 0 || requests > REQUESTS_MAX)
    violations.push({ field: 'requests', description: `must be 0 to ${REQUESTS_MAX}` });
  add(violations, negativeViolations('amount_nanos', raw.amountNanos));
  add(violations, negativeViolations('input_tokens', raw.inputTokens));
  add(violations, negativeViolations('max_output_tokens', raw.maxOutputTokens));
  add(violations, tokensViolations(raw.tokens));
  add(violations, textViolations('reservation_key', raw.reservationKey, KEY_BYTES_MAX));
  add(violations, ttlViolations(raw.reserveTtlMs));
  throwIfAny(violations);
  return checked(raw, requests);
}

/** Field by field: to spread the call costs more than to check it. */
const checked = (raw: RawCheck, requests: number): CheckCall => ({
  subject: raw.subject,
  provider: raw.provider,
  model: raw.model,
  labels: raw.labels,
  requests,
  amountNanos: raw.amountNanos,
  inputTokens: raw.inputTokens,
  maxOutputTokens: raw.maxOutputTokens,
  tokens: expectedTokens(raw),
  dryRun: raw.dryRun,
  noHold: raw.noHold,
  reservationKey: raw.reservationKey,
  reserveTtlMs: raw.reserveTtlMs,
});

function expectedTokens({ tokens, inputTokens, maxOutputTokens }: RawCheck): number | undefined {
  if (tokens !== undefined) return Number(tokens);
  if (inputTokens === 0n && maxOutputTokens === 0n) return undefined;
  return countOf(inputTokens + maxOutputTokens);
}

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function extendCall(raw: RawExtend): ExtendCall {
  const violations = [
    ...subjectViolations(raw.subject),
    ...reservationViolations(raw.reservation),
    ...ttlViolations(raw.reserveTtlMs),
  ];
  if (raw.addNanos < 0n)
    violations.push({ field: 'add_nanos', description: 'must not be negative' });
  if (raw.reserveTtlMs === undefined)
    violations.push({ field: 'reserve_ttl', description: 'is required' });
  throwIfAny(violations);
  const { reservation, reserveTtlMs } = raw;
  assert(reservation !== undefined && reserveTtlMs !== undefined, 'both were checked');
  return { ...raw, reservation, reserveTtlMs };
}

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function releaseCall(raw: RawRelease): ReleaseCall {
  const violations = [...subjectViolations(raw.subject), ...reservationViolations(raw.reservation)];
  throwIfAny(violations);
  const { reservation } = raw;
  assert(reservation !== undefined, 'it was checked');
  return { ...raw, reservation };
}

function reservationViolations(name: ReservationName | undefined): Violations {
  if (name === undefined)
    return [{ field: 'reservation', description: 'give reservation_id or reservation_key' }];
  if (name.kind === 'id') return requiredName('reservation_id', name.id);
  return requiredName('reservation_key', name.key);
}

function requiredName(field: string, text: string): Violations {
  if (text === '') return [{ field, description: 'is empty' }];
  return textViolations(field, text, KEY_BYTES_MAX);
}

function ttlViolations(ttlMs: number | undefined): Violations {
  if (ttlMs === undefined) return NONE;
  if (ttlMs >= RESERVE_TTL_MIN_MS && ttlMs <= RESERVE_TTL_MAX_MS) return NONE;
  return [{ field: 'reserve_ttl', description: 'must be 1 second to 24 hours' }];
}

const COUNTED_BY_CHECK = 'must be left out: the check of the reservation has counted the call';

const TOKEN_KINDS = ['input', 'cachedInput', 'output', 'reasoning'] as const;

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function debitCall(raw: DebitCall): DebitCall {
  const violations = targetViolations(raw);
  add(violations, keyViolations(raw.idempotencyKey));
  if (raw.reservation !== undefined) add(violations, reservationViolations(raw.reservation));
  if (raw.reservation !== undefined && raw.countLimits)
    violations.push({ field: 'count_limits', description: COUNTED_BY_CHECK });
  if (raw.amountNanos !== undefined && raw.amountNanos < 0n)
    violations.push({ field: 'amount_nanos', description: 'must not be negative' });
  for (const kind of TOKEN_KINDS)
    if (raw.tokens[kind] < 0n)
      violations.push({ field: `usage.${snakeCase(kind)}`, description: 'must not be negative' });
  if (raw.amountNanos === undefined && TOKEN_KINDS.every((kind) => raw.tokens[kind] === 0n))
    violations.push({
      field: 'amount_nanos',
      description: 'give the amount, or usage with at least one token to price it from',
    });
  throwIfAny(violations);
  return raw;
}

function keyViolations(key: string): Violations {
  const field = 'idempotency_key';
  if (key === '') return [{ field, description: 'is required; make one per call, and repeat it' }];
  return textViolations(field, key, KEY_BYTES_MAX);
}

function targetViolations(target: CallTarget): FieldViolation[] {
  const names = Object.keys(target.labels);
  const violations: FieldViolation[] = [];
  add(violations, subjectViolations(target.subject));
  add(violations, textViolations('provider', target.provider));
  add(violations, textViolations('model', target.model));
  if (names.length > LABELS_MAX) {
    const description = `has ${names.length} entries; at most ${LABELS_MAX} are allowed`;
    return [...violations, { field: 'labels', description }];
  }
  for (const name of names) {
    add(violations, textViolations('labels (name)', name));
    add(violations, textViolations(`labels["${clip(name)}"]`, target.labels[name] ?? ''));
  }
  return violations;
}

function subjectViolations(subject: Subject): Violations {
  switch (subject.kind) {
    case 'none':
      return NONE;
    case 'secret':
      return requiredText('virtual_key', subject.secret);
    case 'key':
      return requiredText('virtual_key_id', subject.keyId);
  }
}

function requiredText(field: string, text: string): Violations {
  if (text === '')
    return [{ field, description: 'is empty; leave it out for a call without a key' }];
  return textViolations(field, text);
}

export function textViolations(field: string, text: string, bytesMax = NAME_BYTES_MAX): Violations {
  // No unit of UTF-16 makes more than three bytes.
  if (text.length * 3 > bytesMax && utf8Length(text) > bytesMax)
    return [{ field, description: `is longer than ${bytesMax} bytes` }];
  if (text.includes('\0')) return [{ field, description: 'contains a NUL character' }];
  return NONE;
}

const negativeViolations = (field: string, value: bigint): Violations =>
  value < 0n ? [{ field, description: 'must not be negative' }] : NONE;

const tokensViolations = (tokens: bigint | undefined): Violations =>
  tokens === undefined || (tokens >= 0n && tokens <= TOKENS_MAX)
    ? NONE
    : [{ field: 'tokens', description: `must be 0 to ${TOKENS_MAX}` }];

/** Nearly every call has none, so that nothing is made for what is right. */
const NONE: Violations = [];

function add(violations: FieldViolation[], found: Violations): void {
  for (const each of found) violations.push(each);
}

/** Bytes of a string in UTF-8, without encoding it. A lone surrogate counts as it would be replaced. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair is two units and four bytes: the two bytes just added are those of the second unit.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) i += 1;
  }
  return bytes;
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
export const clip = (text: string): string => (text.length > 32 ? `${text.slice(0, 32)}…` : text);
const snakeCase = (text: string): string => text.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

function throwIfAny(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidArgument(violations);
}

/** @throws DomainError `INVALID_ARGUMENT` if a batch holds nothing or too much. */
export function requireBatchSize(field: string, size: number, sizeMax: number): void {
  if (size >= 1 && size <= sizeMax) return;
  throw invalidArgument([{ field, description: `has ${size} items; send 1 to ${sizeMax}` }]);
}

/** The form of an unknown key is never told apart from the form of a known one. */
export function keyNotFound(keyId: string | undefined): DomainError {
  const what = keyId === undefined ? 'this virtual key' : `virtual key ${clip(keyId)}`;
  return new DomainError('NOT_FOUND', `${what} does not exist`, {
    violations: [
      { field: keyId === undefined ? 'virtual_key' : 'virtual_key_id', description: 'is unknown' },
    ],
  });
}
