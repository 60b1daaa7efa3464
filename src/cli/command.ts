import type { Command } from 'commander';
import type { CliContext } from './context.js';

/**
 * One command of `weir`. A module that brings its own writes such an object and lists it in
 * `commands.ts`; `program.ts` adds help, exit codes and the printing of errors.
 */
export interface CliCommand {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Complete command lines, with what they do. The help of a subcommand shows those that fit it. */
  readonly examples: readonly Example[];
  /** Adds the command, and its subcommands, to the program. */
  register(program: Command, context: CliContext): void;
}

export interface Example {
  readonly run: string;
  readonly does: string;
}
