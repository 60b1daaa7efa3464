import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../../src/common/remove-folder.js';

/** Kept outside of the tree, where a fresh clone finds it. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'weir-interop');

/** The last release that Debian has: 1.8.7, of Debian 11. */
const SUITE = 'bullseye';
const SIGNED = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];

const program = join(CACHE, `consul-${SUITE}`, 'usr/bin/consul');

/**
 * The path of Consul. Later releases are no longer open source, and the last ones that are cannot be built from the
 * Go module proxy; so Debian's package is fetched and unpacked, without installing it or touching the
 * sources of the machine's own packages.
 */
export function debianConsul(): string {
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'consul-'));
  for (const name of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, name), { recursive: true });
  const list = join(folder, 'sources.list');
  writeFileSync(list, `deb ${SIGNED} ${mirror()} ${SUITE} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
  ].flatMap((option) => ['-o', option]);
  const apt = (...args: readonly string[]): void => {
    execFileSync('apt-get', ['-q', ...options, ...args], { cwd: folder, stdio: 'pipe' });
  };
  apt('update');
  apt('download', 'consul');
  unpack(folder);
  removeFolderSync(folder);
  return program;
}

/** Where this machine has its own packages from. */
function mirror(): string {
  const texts = SOURCES.filter((file) => existsSync(file)).map((file) =>
    readFileSync(file, 'utf8'),
  );
  const found = /^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+\/debian\/?)\s/m.exec(
    texts.join('\n'),
  )?.[1];
  if (found === undefined) throw new Error('no source of Debian packages is set up for apt');
  return found;
}

function unpack(folder: string): void {
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error(`Debian ${SUITE} has no package consul any more`);
  const unpacked = join(folder, 'unpacked');
  execFileSync('dpkg-deb', ['-x', join(folder, archive), unpacked], { stdio: 'pipe' });
  removeFolderSync(join(CACHE, `consul-${SUITE}`));
  renameSync(unpacked, join(CACHE, `consul-${SUITE}`));
}
