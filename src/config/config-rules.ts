import { isIPv4 } from 'node:net';
import { clusterFaults } from './cluster-rules.js';
import type { ConfigFault } from './config-error.js';
import { postgresUrlProblem } from './postgres-url.js';
import type { WeirConfig } from './weir-config.js';

/** Keys that a source gives, as opposed to those that have their default. */
export type GivenKeys = ReadonlySet<string>;

/** What no single knob can know: which of them go together. Runs on values that are valid alone. */
export function configRuleFaults(config: WeirConfig, given: GivenKeys): readonly ConfigFault[] {
  return [
    ...remoteAccessFaults(config),
    ...exclusiveFaults(given),
    ...lonelyDatabaseFaults(given),
    ...urlFaults(config),
    ...clusterFaults(config, given),
  ];
}

/** Nobody is asked who they are, so an address that others reach must be a decision, not a slip. */
function remoteAccessFaults(config: WeirConfig): readonly ConfigFault[] {
  if (config.api.allowUnauthenticatedRemoteAccess) return [];
  const hosts = [
    { key: 'grpc.host', host: config.grpc.host },
    { key: 'http.host', host: config.http.host },
  ];
  return hosts
    .filter(({ host }) => !isLoopback(host))
    .map(({ key, host }) => ({
      key,
      value: JSON.stringify(host),
      problem:
        'can be reached from other machines, and the API asks nobody who they are. Use 127.0.0.1, ' +
        'or set api.allowUnauthenticatedRemoteAccess: true where the network keeps others out',
    }));
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

const PG = 'storage.postgres';

/** Pairs of which only one may be given; the second names what the first already says. */
const EXCLUSIVE: readonly (readonly [string, string])[] = [
  [`${PG}.url`, `${PG}.host`],
  [`${PG}.url`, `${PG}.port`],
  [`${PG}.url`, `${PG}.user`],
  [`${PG}.url`, `${PG}.database`],
  [`${PG}.password`, `${PG}.passwordFile`],
];

function exclusiveFaults(given: GivenKeys): readonly ConfigFault[] {
  return EXCLUSIVE.filter(([one, other]) => given.has(one) && given.has(other)).map(
    ([one, other]) => ({ key: other, problem: `cannot be set together with ${one}: keep one` }),
  );
}

/** Settings of an outside database without the database would silently go to the embedded one. */
function lonelyDatabaseFaults(given: GivenKeys): readonly ConfigFault[] {
  if (given.has(`${PG}.url`) || given.has(`${PG}.host`)) return [];
  return ['port', 'user', 'password', 'passwordFile', 'database', 'sslMode', 'sslRootCertFile']
    .map((name) => `${PG}.${name}`)
    .filter((key) => given.has(key))
    .map((key) => ({
      key,
      problem: `has no effect on the embedded database: set ${PG}.host (or ${PG}.url) too, or remove it`,
    }));
}

function urlFaults(config: WeirConfig): readonly ConfigFault[] {
  const { url, password, passwordFile } = config.storage.postgres;
  if (!url) return [];
  const problem = postgresUrlProblem(url.reveal(), {
    hasPasswordElsewhere: password !== undefined || passwordFile !== undefined,
  });
  return problem === undefined ? [] : [{ key: `${PG}.url`, problem }];
}
