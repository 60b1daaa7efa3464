import { type Command, InvalidArgumentError } from 'commander';
import {
  addConnectionOptions,
  connect,
  type Connection,
  type ConnectionOptions,
  DEFAULT_TARGET,
  target,
} from './connection.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import type { CliIo } from './io.js';
import type { Json } from './json/codec.js';
import { type Column, renderTable, wantsColour } from './output/table.js';

export interface OutputOptions {
  readonly json?: boolean;
}

export type CommonOptions = ConnectionOptions & OutputOptions;

/** What a command works with: the process's rim, and the ways to speak to a service and a person. */
export class CliContext {
  /** What the process will answer, unless something fails. */
  exitCode: ExitCode = EXIT.OK;

  constructor(readonly io: CliIo) {}

  /** `--json`, for every command. */
  addOutputOptions(command: Command): Command {
    return command.option('--json', 'print one JSON document instead of text');
  }

  /** `--json`, `--target` and `--timeout`, for commands that talk to a service. */
  addCommonOptions(command: Command): Command {
    return addConnectionOptions(this.addOutputOptions(command));
  }

  /** Does something with a service, and hangs up whatever happens. */
  async withService<T>(
    options: ConnectionOptions,
    use: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const connection = connect(this.targetOf(options), options.timeout);
    try {
      return await use(connection);
    } finally {
      connection.close();
    }
  }

  targetOf(options: ConnectionOptions): string {
    if (options.target !== undefined) return options.target;
    const fromEnv = this.io.env['WEIR_TARGET'];
    if (fromEnv === undefined || fromEnv === '') return DEFAULT_TARGET;
    try {
      return target(fromEnv);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new CliError(`WEIR_TARGET is "${fromEnv}". ${error.message}`);
    }
  }

  /** The answer of a command: a document for programs, or text for people. */
  answer(
    options: OutputOptions,
    forms: { json: () => Json | undefined; text: () => string },
  ): void {
    if (options.json) this.print(`${JSON.stringify(forms.json() ?? null, null, 2)}\n`);
    else this.print(forms.text());
  }

  print(text: string): void {
    this.io.stdout.write(text);
  }

  /** What is not the answer, such as progress: to standard error, so that pipes stay clean. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
    return renderTable(columns, rows, { colour: wantsColour(this.io.stdout, this.io.env) });
  }
}
