import { InvalidArgumentError } from 'commander';
import { Scope } from '../../gen/weir/v1/governance_service.js';

/** `global` or `region`: which replicas count together. */
export function parseScope(text: string): Scope {
  if (text.toLowerCase() === 'global') return Scope.SCOPE_GLOBAL;
  if (text.toLowerCase() === 'region') return Scope.SCOPE_REGION;
  throw new InvalidArgumentError('Write one of global, region.');
}
