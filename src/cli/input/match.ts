import type { Command } from 'commander';
import type { Match } from '../../gen/weir/v1/common.js';
import { collect, collectLabel } from './lists.js';

/** Which calls a policy applies to, as options of limits and budgets. */
export interface MatchOptions {
  readonly onProvider?: readonly string[];
  readonly onModel?: readonly string[];
  readonly onLabel?: Readonly<Record<string, string>>;
  readonly onAll?: boolean;
}

export function addMatchOptions(command: Command, purpose: 'create' | 'update'): Command {
  command
    .option('--on-provider <names>', 'only calls to these providers', collect)
    .option('--on-model <names>', 'only calls to these models; a trailing "*" is any', collect)
    .option('--on-label <name=value>', 'only calls with this label; "*" is any', collectLabel);
  if (purpose === 'create') return command;
  return command.option('--on-all', 'all calls of the owner');
}

/** Writes the match into the draft, and answers the paths of what was given. */
export function applyMatch(
  options: MatchOptions,
  draft: { match: Match | undefined },
): readonly string[] {
  const { onProvider, onModel, onLabel } = options;
  if (options.onAll) {
    draft.match = emptyMatch();
    return ['match'];
  }
  if (!onProvider && !onModel && !onLabel) return [];
  const match = draft.match ?? emptyMatch();
  if (onProvider) match.providers = [...onProvider];
  if (onModel) match.models = [...onModel];
  if (onLabel) match.labels = { ...onLabel };
  draft.match = match;
  return [
    ...(onProvider ? ['match.providers'] : []),
    ...(onModel ? ['match.models'] : []),
    ...(onLabel ? ['match.labels'] : []),
  ];
}

const emptyMatch = (): Match => ({ providers: [], models: [], labels: {} });
