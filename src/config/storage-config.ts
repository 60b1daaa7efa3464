import { Block, ChoiceKnob, HostKnob, IntegerKnob, SecretKnob, TextKnob } from './knob.js';
import type { Secret } from './secret.js';

export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export const SSL_MODES: readonly SslMode[] = [
  'disable',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
];

/** The outside database, and how every database is talked to. */
export class PostgresConfig {
  /** `postgres://user:password@host:port/database?sslmode=...`; instead of the single settings. */
  @SecretKnob({
    unit: 'postgres:// URL',
    effect: 'The whole address in one; without url and host the embedded database is used.',
  })
  readonly url?: Secret;

  /** Host name, address, or folder of a Unix socket. */
  @HostKnob({
    unit: 'IP address, host name or folder of a Unix socket',
    effect: 'Server to connect to; without url and host the embedded database is used.',
  })
  readonly host?: string;

  /** TCP port. Default 5432. */
  @IntegerKnob({ unit: 'TCP port', min: 1, max: 65_535, effect: 'Port of the server.' })
  readonly port: number = 5432;

  /** Role to log in as. Default weir. */
  @TextKnob({ unit: 'role', effect: 'Role to log in as; it must own the database or its schema.' })
  readonly user: string = 'weir';

  /** Password of the role; prefer passwordFile. */
  @SecretKnob({ unit: 'password', effect: 'Password of the role. A file is the safer way.' })
  readonly password?: Secret;

  /** File with the password, read again for every connection, so that it may be rotated. */
  @TextKnob({
    unit: 'path',
    effect: 'File with the password, read again for each connection, so that it may be rotated.',
  })
  readonly passwordFile?: string;

  /** Name of the database. Default weir. */
  @TextKnob({ unit: 'database name', effect: 'Database to use; it must exist.' })
  readonly database: string = 'weir';

  /** How much TLS to insist on, as libpq has it. Default prefer. */
  @ChoiceKnob({
    choices: SSL_MODES,
    effect: 'How much TLS to insist on, with the meaning of libpq; a Unix socket has none.',
  })
  readonly sslMode: SslMode = 'prefer';

  /** PEM file of the authorities to trust in place of the system's. */
  @TextKnob({
    unit: 'path',
    effect: "PEM file of the authorities to trust; without it, Node's own list.",
  })
  readonly sslRootCertFile?: string;

  /** Connections of one replica. Default 10. */
  @IntegerKnob({
    unit: 'connections',
    min: 2,
    max: 200,
    effect: 'Most connections that one replica opens for its work; two more are for itself.',
  })
  readonly poolSize: number = 10;

  /** Seconds to wait for the database at the start. Default 60. */
  @IntegerKnob({
    unit: 'seconds',
    min: 0,
    max: 3600,
    effect: 'How long the start waits for a database that does not answer before it gives up.',
  })
  readonly startTimeoutSeconds: number = 60;

  /** Milliseconds that a statement may run. Default 30 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 100,
    max: 3_600_000,
    effect: 'A statement that runs longer is cancelled. Migrations are exempt.',
  })
  readonly statementTimeoutMs: number = 30_000;

  /** Milliseconds that a statement may wait for a lock. Default 10 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 3_600_000,
    effect: 'A statement that waits longer for one lock is cancelled. Migrations are exempt.',
  })
  readonly lockTimeoutMs: number = 10_000;
}

/** The database that Weir runs itself. */
export class EmbeddedConfig {
  /** Folder of the data. Default .weir/postgres under the working directory. */
  @TextKnob({
    unit: 'path, relative to the working directory',
    effect: 'Folder in which the embedded database keeps its data and its password.',
  })
  readonly dataDir: string = '.weir/postgres';
}

/** Where durable state lives. */
export class StorageConfig {
  @Block(PostgresConfig)
  readonly postgres: PostgresConfig = new PostgresConfig();

  @Block(EmbeddedConfig)
  readonly embedded: EmbeddedConfig = new EmbeddedConfig();
}
