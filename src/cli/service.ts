import type { RunningService } from '../main.js';
import { CliError, EXIT } from './exit-code.js';

export type { RunningService };

export interface ServiceRequest {
  readonly configFile?: string;
  /** Dotted keys; they win over file and environment. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly stop?: AbortSignal;
}

/**
 * Starts a service in this process. It is loaded only when one is wanted, so that `weir check` does
 * not pay for it.
 */
export async function startOwnService(request: ServiceRequest): Promise<RunningService> {
  const { startService } = await import('../main.js');
  try {
    return await startService({ ...request });
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'ConfigError') return new CliError(error.message, EXIT.USAGE);
  if (isPortInUse(error)) {
    return new CliError(
      `${error.message}\nAnother program listens on that port, perhaps another Weir. ` +
        'Choose others with --grpc-port and --http-port (0 takes any free one).',
      EXIT.USAGE,
    );
  }
  return error;
}

/** Node's own error has the code; grpc-js puts it into the message. */
const isPortInUse = (error: Error): boolean =>
  ('code' in error && error.code === 'EADDRINUSE') || error.message.includes('EADDRINUSE');
