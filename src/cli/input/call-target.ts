import type { Command } from 'commander';
import { CliError } from '../exit-code.js';
import type { CliIo } from '../io.js';
import { collectLabel } from './lists.js';

/** Who calls which model: what a check and a debit have in common. */
export interface CallOptions {
  readonly key?: string;
  readonly secret?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly label?: Readonly<Record<string, string>>;
}

export type Subject =
  | { readonly $case: 'virtualKey'; readonly value: string }
  | { readonly $case: 'virtualKeyId'; readonly value: string };

export interface CallTarget {
  readonly subject: Subject | undefined;
  readonly provider: string;
  readonly model: string;
  readonly labels: Record<string, string>;
}

export function addCallOptions(command: Command): Command {
  return command
    .option('--key <id>', 'the virtual key that calls, by its id')
    .option('--secret <secret>', 'the virtual key that calls, by its secret (or WEIR_KEY_SECRET)')
    .option('--model <provider/model>', 'the model that is called, such as openai/gpt-4o')
    .option('--provider <name>', 'the provider; --model is then the name of the model alone')
    .option('--label <name=value>', 'a label of the call; may be repeated', collectLabel);
}

export function callTargetOf(options: CallOptions, io: CliIo): CallTarget {
  return {
    subject: subjectOf(options, io),
    ...modelOf(options),
    labels: { ...options.label },
  };
}

/** By id, by secret, by the secret in the environment, or nobody (then root policies apply). */
export function subjectOf(
  { key, secret }: { readonly key?: string; readonly secret?: string },
  io: CliIo,
): Subject | undefined {
  if (key !== undefined && secret !== undefined) {
    throw new CliError('Give --key ID or --secret SECRET, not both.');
  }
  if (key !== undefined) return { $case: 'virtualKeyId', value: key };
  const value = secret ?? io.env['WEIR_KEY_SECRET'];
  return value === undefined || value === '' ? undefined : { $case: 'virtualKey', value };
}

function modelOf({ provider, model = '' }: CallOptions): { provider: string; model: string } {
  if (provider !== undefined) return { provider, model };
  if (model === '') return { provider: '', model };
  return splitModel(model, '--model');
}

/** `openai/gpt-4o`; the name after the first slash may hold further ones. */
export function splitModel(text: string, option: string): { provider: string; model: string } {
  const at = text.indexOf('/');
  if (at > 0 && at < text.length - 1) {
    return { provider: text.slice(0, at), model: text.slice(at + 1) };
  }
  throw new CliError(`${option} ${text}: write PROVIDER/MODEL, such as openai/gpt-4o.`);
}
