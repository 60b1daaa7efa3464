import { writeSync } from 'node:fs';
import { silentLog } from '../../src/common/log.js';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';

/**
 * A stand-in for the service, to be killed: `run-sources` runs it on the folder that it is given. It
 * prints one line of JSON, `{ pid, url }` or `{ error }`, and stays until its input ends.
 */
const [dataDir = ''] = process.argv.slice(2);
try {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  writeSync(1, `${JSON.stringify({ pid: server.pid, url: server.url })}\n`);
  process.stdin.resume().once('end', () => void server.stop());
} catch (error) {
  writeSync(1, `${JSON.stringify({ error: String(error) })}\n`);
}
