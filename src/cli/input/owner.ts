import type { Command } from 'commander';
import { type Owner, OwnerKind } from '../../gen/weir/v1/common.js';
import { CliError } from '../exit-code.js';

export interface OwnerOptions {
  readonly root?: boolean;
  readonly customer?: string;
  readonly team?: string;
  readonly key?: string;
}

export const OWNER_HINT = '--customer ID, --team ID, --key ID or --root';

export function addOwnerOptions(command: Command, purpose: string): Command {
  return command
    .option('--customer <id>', `${purpose}: this customer`)
    .option('--team <id>', `${purpose}: this team`)
    .option('--key <id>', `${purpose}: this virtual key (its id, not its secret)`)
    .option('--root', `${purpose}: everything that passes through Weir`);
}

/** The owner that is named, if one is. */
export function ownerOf(options: OwnerOptions): Owner | undefined {
  const named: Owner[] = [];
  if (options.root) named.push({ kind: OwnerKind.OWNER_KIND_ROOT, id: '' });
  if (options.customer !== undefined) {
    named.push({ kind: OwnerKind.OWNER_KIND_CUSTOMER, id: options.customer });
  }
  if (options.team !== undefined) named.push({ kind: OwnerKind.OWNER_KIND_TEAM, id: options.team });
  if (options.key !== undefined) {
    named.push({ kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: options.key });
  }
  if (named.length > 1) {
    throw new CliError(`Name one owner only: ${OWNER_HINT}.`);
  }
  return named[0];
}
