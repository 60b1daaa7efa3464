import type { Log } from '../../src/common/log.js';
import { eventually } from './eventually.js';

/** A log that tests can read, and wait for. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];

  debug(fields: object, message: string): void {
    this.add('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.add('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.add('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.add('error', fields, message);
  }

  /** Resolves with the line that matches, whether it is there already or still to come. */
  async saw(pattern: RegExp): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => pattern.test(line));
    await eventually(`the log says ${pattern}`, () => find() !== undefined);
    return find() ?? '';
  }

  private add(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}
