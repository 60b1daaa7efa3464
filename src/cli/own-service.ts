import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../common/remove-folder.js';
import { type RunningService, startOwnService } from './service.js';

/**
 * A service for one command: any free ports, its data in a temporary folder that goes with it. It
 * looks at no setting of this machine, so that it can never write to somebody's real database.
 */
export async function startThrowawayService(env: NodeJS.ProcessEnv): Promise<RunningService> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-'));
  // Run as root, the database runs as another user, who must be able to pass through.
  await chmod(folder, 0o711);
  const remove = (): Promise<void> => removeFolder(folder);
  try {
    const configFile = join(folder, 'weir.yaml');
    await writeFile(configFile, '{}\n');
    const overrides = {
      ...QUIET,
      'grpc.port': 0,
      'http.port': 0,
      'storage.embedded.dataDir': join(folder, 'postgres'),
      'journal.dataDir': join(folder, 'journal'),
    };
    const service = await startOwnService({ configFile, overrides, env: withoutSettings(env) });
    const stop = async (): Promise<void> => {
      try {
        await service.stop();
      } finally {
        await remove();
      }
    };
    return { ...service, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Only trouble is logged, and nobody is behind a load balancer that needs time to hear of a stop. */
export const QUIET = { 'log.level': 'warn', 'shutdown.drainDelayMs': 0 } as const;

export const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('WEIR_')));
