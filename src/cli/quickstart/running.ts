import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect } from '../connection.js';
import type { PortOptions } from '../commands/serve.js';
import { portOverrides } from '../commands/serve.js';
import { QUIET, withoutSettings } from '../own-service.js';
import { type RunningService, startOwnService } from '../service.js';

/** Where a quickstart of this folder can be reached. */
export interface Whereabouts {
  readonly pid: number;
  readonly grpcAddress: string;
  readonly httpAddress: string;
}

export interface QuickstartService extends Whereabouts {
  /** Absent: it belongs to another process, and was running already. */
  readonly own?: RunningService;
}

export interface StartRequest extends PortOptions {
  /** Holds the data of the database, and the note that says where the service is. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

const ANSWER_MS = 2_000;

/** The quickstart that is running on this folder, or a new one. */
export async function findOrStart(request: StartRequest): Promise<QuickstartService> {
  const running = await findRunning(request.folder);
  return running ?? start(request);
}

export async function stop({ own }: QuickstartService, folder: string): Promise<void> {
  if (!own) return;
  await rm(noteFile(folder), { force: true });
  await own.stop();
}

async function start(request: StartRequest): Promise<QuickstartService> {
  const { folder } = request;
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'quickstart.yaml');
  await writeFile(configFile, '# The quickstart looks at no other settings than these.\n{}\n');
  const own = await startOwnService({
    configFile,
    overrides: {
      ...QUIET,
      ...portOverrides(request),
      'storage.embedded.dataDir': resolve(folder, 'postgres'),
      'journal.dataDir': resolve(folder, 'journal'),
    },
    env: withoutSettings(request.env),
  });
  const { grpcAddress, httpAddress } = own;
  const found: Whereabouts = { pid: process.pid, grpcAddress, httpAddress };
  await writeFile(noteFile(folder), `${JSON.stringify(found)}\n`);
  return { ...found, own };
}

async function findRunning(folder: string): Promise<Whereabouts | undefined> {
  const noted = await readNote(folder);
  if (!noted) return undefined;
  const connection = connect(noted.grpcAddress, ANSWER_MS);
  try {
    await connection.governance.listCustomers({ pageSize: 1, pageToken: '' });
    return noted;
  } catch {
    // Killed without a chance to take its note away: a new one takes over its data.
    return undefined;
  } finally {
    connection.close();
  }
}

async function readNote(folder: string): Promise<Whereabouts | undefined> {
  try {
    const noted: unknown = JSON.parse(await readFile(noteFile(folder), 'utf8'));
    return isWhereabouts(noted) ? noted : undefined;
  } catch {
    // Missing or half written: nothing is known, so a service is started.
    return undefined;
  }
}

const isWhereabouts = (value: unknown): value is Whereabouts =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  typeof value.pid === 'number' &&
  'grpcAddress' in value &&
  typeof value.grpcAddress === 'string' &&
  'httpAddress' in value &&
  typeof value.httpAddress === 'string';

const noteFile = (folder: string): string => join(folder, 'quickstart.json');
