/**
 * The caller's mistakes, and the few conditions in which Weir cannot answer. A denial is none of
 * these: it is an answer (ADR 0005). `src/rpc/grpc-status.ts` maps the codes to gRPC.
 */
export type DomainErrorCode =
  | 'INVALID_ARGUMENT'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'OUT_OF_RANGE'
  | 'RESOURCE_EXHAUSTED'
  | 'DEADLINE_EXCEEDED'
  | 'UNAVAILABLE';

/** One field that is wrong: its path as the caller wrote it (`match.labels["team"]`), and the fix. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: DomainErrorCode,
    message: string,
    readonly details: {
      readonly violations?: readonly FieldViolation[];
      /** How long the caller should wait before it tries again, in milliseconds. */
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
  }
}

/** INVALID_ARGUMENT with every wrong field at once. */
export function invalidArgument(violations: readonly FieldViolation[]): DomainError {
  const message = violations.map((v) => `${v.field}: ${v.description}`).join('; ');
  return new DomainError('INVALID_ARGUMENT', message, { violations });
}
