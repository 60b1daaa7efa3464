import { invalidArgument } from '../common/domain-error.js';
import type { FieldViolation } from '../common/domain-error.js';
import { utf8 } from './core/bytes.js';
import type { GossipTimings } from './core/gossip-options.js';
import { parseAddress } from '../common/ip-address.js';
import { META_BYTES_MAX, NAME_BYTES_MAX } from './core/gossip-options.js';
import { GOSSIP_PRESETS } from './core/gossip-presets.js';
import { isKeyLength } from './core/keyring.js';
import { LABEL_BYTES_MAX } from './core/label.js';
import { LABELS_MAX } from './core/label-set.js';
import type { GossipSettings } from './gossip-settings.js';

/**
 * The numbers that the settings mean: preset, then Bifrost's three keys, then explicit ones. Its 10
 * seconds are those of the `lan` preset.
 */
export function timingsOf(settings: GossipSettings): GossipTimings {
  const { timeoutSeconds, failureThreshold, successThreshold, timings } = settings;
  const timeout =
    timeoutSeconds === undefined
      ? {}
      : { probeIntervalMs: timeoutSeconds * 100, probeTimeoutMs: timeoutSeconds * 50 };
  return {
    ...GOSSIP_PRESETS[settings.preset],
    ...timeout,
    ...(failureThreshold === undefined ? {} : { suspicionMult: failureThreshold }),
    ...(successThreshold === undefined ? {} : { successThreshold }),
    ...timings,
  };
}

/** Throws with every wrong field at once, and what to write instead. */
export function checkGossipSettings(settings: GossipSettings): void {
  const timings = timingsOf(settings);
  const violations = [
    ...identityFlaws(settings),
    ...timingFlaws(timings),
    ...nackFlaws(settings, timings),
  ];
  if (violations.length > 0) throw invalidArgument(violations);
}

function identityFlaws(settings: GossipSettings): readonly FieldViolation[] {
  const nameBytes = utf8(settings.name).length;
  const labelBytes = utf8(settings.label ?? '').length;
  return [
    ...flaw(nameBytes < 1 || nameBytes > NAME_BYTES_MAX, 'name', 'give it 1 to 255 bytes'),
    ...addressFlaws(settings),
    ...flaw(labelBytes > LABEL_BYTES_MAX, 'label', 'give it at most 255 bytes'),
    ...flaw(
      !labelsFit(settings.acceptedLabels ?? []),
      'acceptedLabels',
      `give at most ${LABELS_MAX - 1}, of at most 255 bytes each`,
    ),
    ...flaw(
      (settings.meta?.length ?? 0) > META_BYTES_MAX,
      'meta',
      `${settings.meta?.length} bytes are over the limit of ${META_BYTES_MAX}; shorten the region`,
    ),
    ...(settings.keys ?? []).flatMap((key, index) =>
      flaw(
        !isKeyLength(key.length),
        `keys[${index}]`,
        `${key.length} bytes are no AES key; run "weir keyring generate" for one of 32`,
      ),
    ),
    ...flaw(
      !isPort(settings.port) || !isPort(settings.advertisePort ?? 1),
      'port',
      'give a number from 0 to 65535',
    ),
  ];
}

/** A name may stand for several addresses, and only one can be told to others. */
function addressFlaws({ bindHost, advertiseHost }: GossipSettings): readonly FieldViolation[] {
  const isAddress = (host: string): boolean => parseAddress(host) !== undefined;
  return [
    ...flaw(!isAddress(bindHost), 'bindHost', `"${bindHost}" is not an IP address`),
    ...flaw(
      advertiseHost !== undefined && !isAddress(advertiseHost),
      'advertiseHost',
      `"${advertiseHost}" is not an IP address`,
    ),
  ];
}

const labelsFit = (labels: readonly string[]): boolean =>
  labels.length < LABELS_MAX && labels.every((label) => utf8(label).length <= LABEL_BYTES_MAX);

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535;

/** Numbers that contradict one another would silently switch parts of the protocol off. */
function timingFlaws(timings: GossipTimings): readonly FieldViolation[] {
  const { probeIntervalMs, probeTimeoutMs, gossipIntervalMs, suspicionMult } = timings;
  return [
    ...flaw(probeTimeoutMs <= 0, 'timings.probeTimeoutMs', 'give it more than 0'),
    ...flaw(
      probeTimeoutMs >= probeIntervalMs,
      'timings.probeTimeoutMs',
      `${probeTimeoutMs} leaves no time in a probe of ${probeIntervalMs} to ask others and try TCP; ` +
        'give it at most half of probeIntervalMs',
    ),
    ...flaw(gossipIntervalMs <= 0, 'timings.gossipIntervalMs', 'give it more than 0'),
    ...flaw(
      gossipIntervalMs > suspicionMult * probeIntervalMs,
      'timings.gossipIntervalMs',
      'news slower than a suspicion ends in deaths that nobody could deny; lower it',
    ),
    ...flaw(suspicionMult < 1, 'config.failureThreshold', 'give it 1 or more'),
    ...flaw(
      timings.suspicionMaxTimeoutMult < 1,
      'timings.suspicionMaxTimeoutMult',
      'give it 1 or more',
    ),
    ...flaw(
      timings.awarenessMaxMultiplier < 1,
      'timings.awarenessMaxMultiplier',
      'give it 1 or more',
    ),
    ...flaw(timings.retransmitMult < 1, 'timings.retransmitMult', 'give it 1 or more'),
    ...flaw(timings.gossipNodes < 1, 'timings.gossipNodes', 'give it 1 or more'),
    ...flaw(
      timings.packetBytesMax < 512 || timings.packetBytesMax > 65_000,
      'timings.packetBytesMax',
      'give it 512 to 65000; 1400 passes nearly every network',
    ),
  ];
}

/**
 * Relays say after 80 % of a time-out that they heard nothing. Where that comes after the end of the
 * probe, every failed one costs the prober its own health. (So it is in `wan`, as in memberlist: a
 * prober there doubts itself, and probes again at half the speed.)
 */
function nackFlaws({ timings }: GossipSettings, all: GossipTimings): readonly FieldViolation[] {
  const { probeTimeoutMs, probeIntervalMs } = all;
  const isChosen = timings?.probeTimeoutMs !== undefined || timings?.probeIntervalMs !== undefined;
  const late = probeTimeoutMs < probeIntervalMs && 2 * probeTimeoutMs > probeIntervalMs;
  return flaw(
    isChosen && late,
    'timings.probeTimeoutMs',
    `after ${probeTimeoutMs} of a probe of ${probeIntervalMs} those who are asked answer too late; ` +
      'give it at most half of probeIntervalMs',
  );
}

const flaw = (wrong: boolean, field: string, description: string): readonly FieldViolation[] =>
  wrong ? [{ field: `cluster.gossip.${field}`, description }] : [];
