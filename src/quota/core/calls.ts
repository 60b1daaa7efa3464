/**
 * What a gateway asks, after its form was checked: amounts are in range, names are of bounded length.
 * The checks name every wrong field at once, so that one round trip is enough to mend a request.
 */
import { DomainError, type FieldViolation, invalidArgument } from '../../common/domain-error.js';

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
  /** The expected cost in nano-USD; 0 if it is not known. */
  readonly amountNanos: bigint;
  readonly dryRun: boolean;
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
}

/** Labels on one call. */
export const LABELS_MAX = 64;
/** Bytes of UTF-8 in a provider, model, label name, label value, key or id. */
export const NAME_BYTES_MAX = 256;
export const IDEMPOTENCY_KEY_BYTES_MAX = 255;
/** Requests that one call may count for. */
export const REQUESTS_MAX = 1_000_000;
export const INT64_MAX = 9_223_372_036_854_775_807n;

/** A check as it came over the wire: `requests` may be absent and is not yet known to be sane. */
export type RawCheck = Omit<CheckCall, 'requests'> & { readonly requests: bigint | undefined };

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function checkCall(raw: RawCheck): CheckCall {
  const violations = targetViolations(raw);
  const requests = raw.requests ?? 1n;
  if (requests < 0n || requests > BigInt(REQUESTS_MAX))
    violations.push({ field: 'requests', description: `must be 0 to ${REQUESTS_MAX}` });
  if (raw.amountNanos < 0n)
    violations.push({ field: 'amount_nanos', description: 'must not be negative' });
  throwIfAny(violations);
  return { ...raw, requests: Number(requests) };
}

/** @throws DomainError `INVALID_ARGUMENT` naming every field that is wrong. */
export function debitCall(raw: DebitCall): DebitCall {
  const violations = [...targetViolations(raw), ...keyViolations(raw.idempotencyKey)];
  if (raw.amountNanos !== undefined && raw.amountNanos < 0n)
    violations.push({ field: 'amount_nanos', description: 'must not be negative' });
  for (const [kind, count] of Object.entries(raw.tokens) as [string, bigint][])
    if (count < 0n)
      violations.push({ field: `usage.${snakeCase(kind)}`, description: 'must not be negative' });
  if (raw.amountNanos === undefined && Object.values(raw.tokens).every((count) => count === 0n))
    violations.push({
      field: 'amount_nanos',
      description: 'give the amount, or usage with at least one token to price it from',
    });
  throwIfAny(violations);
  return raw;
}

function keyViolations(key: string): FieldViolation[] {
  const field = 'idempotency_key';
  if (key === '') return [{ field, description: 'is required; make one per call, and repeat it' }];
  return textViolations(field, key, IDEMPOTENCY_KEY_BYTES_MAX);
}

function targetViolations(target: CallTarget): FieldViolation[] {
  const names = Object.keys(target.labels);
  const violations = [
    ...subjectViolations(target.subject),
    ...textViolations('provider', target.provider),
    ...textViolations('model', target.model),
  ];
  if (names.length > LABELS_MAX) {
    const description = `has ${names.length} entries; at most ${LABELS_MAX} are allowed`;
    return [...violations, { field: 'labels', description }];
  }
  for (const name of names) {
    violations.push(...textViolations('labels (name)', name));
    violations.push(...textViolations(`labels["${clip(name)}"]`, target.labels[name] ?? ''));
  }
  return violations;
}

function subjectViolations(subject: Subject): FieldViolation[] {
  switch (subject.kind) {
    case 'none':
      return [];
    case 'secret':
      return requiredText('virtual_key', subject.secret);
    case 'key':
      return requiredText('virtual_key_id', subject.keyId);
  }
}

function requiredText(field: string, text: string): FieldViolation[] {
  if (text === '')
    return [{ field, description: 'is empty; leave it out for a call without a key' }];
  return textViolations(field, text);
}

function textViolations(field: string, text: string, bytesMax = NAME_BYTES_MAX): FieldViolation[] {
  if (utf8Length(text) > bytesMax)
    return [{ field, description: `is longer than ${bytesMax} bytes` }];
  if (text.includes('\0')) return [{ field, description: 'contains a NUL character' }];
  return [];
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
const clip = (text: string): string => (text.length > 32 ? `${text.slice(0, 32)}…` : text);
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
