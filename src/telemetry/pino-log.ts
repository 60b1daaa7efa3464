import { type DestinationStream, pino, type Logger, type LoggerOptions } from 'pino';
import { PinoPretty as pinoPretty } from 'pino-pretty';
import { Log } from '../common/log.js';

export interface LogSettings {
  readonly level: string;
  readonly format: 'json' | 'pretty' | 'auto';
}

/** Whatever carries one of these names is cut out of a line, at any of the depths that we log. */
const SECRET_NAMES = ['secret', 'password', 'virtualKey', 'authorization', 'token'];

/** The service's log: one JSON object a line, or coloured text where a person is watching. */
export class PinoLog extends Log {
  private readonly logger: Logger;

  constructor(settings: LogSettings) {
    super();
    this.logger = isPretty(settings)
      ? pino(optionsOf(settings), prettyStream())
      : pino(optionsOf(settings), pino.destination(STDERR));
  }

  debug(fields: object, message: string): void {
    this.logger.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.logger.info(fields, message);
  }

  warn(fields: object, message: string): void {
    this.logger.warn(fields, message);
  }

  error(fields: object, message: string): void {
    this.logger.error(fields, message);
  }
}

/** Standard output belongs to the answers of commands. */
const STDERR = 2;

function optionsOf({ level }: LogSettings): LoggerOptions {
  return {
    level,
    base: { service: 'weir' },
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
}

const isPretty = ({ format }: LogSettings): boolean =>
  format === 'pretty' || (format === 'auto' && process.stderr.isTTY);

const prettyStream = (): DestinationStream =>
  pinoPretty({ destination: STDERR, ignore: 'pid,hostname,service' });
