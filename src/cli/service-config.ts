import { checkCluster } from '../cluster/gossip-settings-of.js';
import { ConfigError } from '../config/config-error.js';
import type { Environment } from '../config/environment-input.js';
import { loadConfig, type LoadedConfig } from '../config/load-config.js';
import { CliError } from './exit-code.js';

/** The configuration of a service; import it late, since most commands need none. */
export function loadServiceConfig(file: string | undefined, env: Environment): LoadedConfig {
  const source = file === undefined ? {} : { file };
  try {
    const loaded = loadConfig({ ...source, env, cwd: process.cwd() });
    checkCluster(loaded.config);
    return loaded;
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message) : error;
  }
}
