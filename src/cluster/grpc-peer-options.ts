import type { PeerAddress } from './peer-transport.js';

/** A message is bounded by its sender to a fraction of that. */
const MESSAGE_BYTES_MAX = 4 * 1_024 * 1_024;

/** A peer whose machine is gone without a word is given up after the sum of both. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 5_000, 'grpc.keepalive_timeout_ms': 5_000 } as const;

export const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  // Of one connection: the stream of a peer, or the questions that it has open.
  'grpc.max_concurrent_streams': 256,
  ...KEEPALIVE,
};

/** No pool: two links to one address are two connections, and one that is closed is gone. */
export const CLIENT_OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // Peers are dialled by address, which is no name that TLS could ask for.
  'grpc.ssl_target_name_override': 'weir-peer',
  ...KEEPALIVE,
};

export const authorityOf = ({ host, port }: PeerAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;
