import { isNetwork, isServer } from './network.js';
import {
  ChoiceKnob,
  DurationKnob,
  FlagKnob,
  IntegerKnob,
  ListKnob,
  SecretKnob,
  TextKnob,
} from './knob.js';
import type { Secret } from './secret.js';

export type DiscoveryType = 'static' | 'dns' | 'kubernetes' | 'consul' | 'etcd' | 'mdns' | 'udp';

export const DISCOVERY_TYPES: readonly DiscoveryType[] = [
  'static',
  'dns',
  'kubernetes',
  'consul',
  'etcd',
  'mdns',
  'udp',
];

/** How replicas find one another, beside `cluster.peers`. */
export class DiscoveryConfig {
  /** Whether to look. Default false. */
  @FlagKnob({
    effect: 'Looks for other replicas in the way that type names, for as long as it runs.',
  })
  readonly enabled: boolean = false;

  /** Where to look. */
  @ChoiceKnob({ choices: DISCOVERY_TYPES, effect: 'Where other replicas are looked for.' })
  readonly type?: DiscoveryType;

  /** The name under which replicas register and look; consul, etcd, udp and mdns. */
  @TextKnob({
    unit: 'name',
    effect: 'Name under which replicas register and find each other; for consul, etcd, udp, mdns.',
  })
  readonly serviceName?: string;

  /** Kubernetes: where the pods are. Default: the namespace of this pod. */
  @TextKnob({
    unit: 'namespace',
    effect: 'Namespace of the pods; without it, the one that this pod is in.',
  })
  readonly k8sNamespace?: string;

  /** Kubernetes: which pods are replicas. */
  @TextKnob({ unit: 'label selector', effect: 'Which pods are replicas, such as app=weir.' })
  readonly k8sLabelSelector?: string;

  /** Kubernetes: where its API answers. Default: what Kubernetes tells every pod, else its usual name. */
  @TextKnob({
    unit: 'URL',
    effect: 'Where the API of Kubernetes answers; a pod is told, by KUBERNETES_SERVICE_HOST.',
  })
  readonly k8sApiServer: string = 'https://kubernetes.default.svc';

  /** Kubernetes: the token of the service account, read again for every request. */
  @TextKnob({
    unit: 'path',
    effect: 'File with the token of the service account, read again for every request.',
  })
  readonly k8sTokenFile: string = '/var/run/secrets/kubernetes.io/serviceaccount/token';

  /** Kubernetes: who vouches for its API. */
  @TextKnob({ unit: 'path', effect: 'PEM file of the authority that vouches for the API.' })
  readonly k8sCaFile: string = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';

  /** DNS: names whose addresses are replicas. */
  @ListKnob({ unit: 'host, host:port', effect: 'Names whose addresses are replicas.' })
  readonly dnsNames: readonly string[] = [];

  /** DNS: whom to ask. Default: the name servers of this machine. */
  @ListKnob({
    unit: 'address, address:port or [v6]:port',
    effect: 'Name servers to ask for dnsNames; none listed: those of this machine.',
    item: isServer,
  })
  readonly dnsServers: readonly string[] = [];

  /** Consul: its HTTP address. Default localhost:8500. */
  @TextKnob({ unit: 'host:port or URL', effect: 'Where Consul answers over HTTP.' })
  readonly consulAddress: string = 'localhost:8500';

  /** Consul: the token to show; prefer consulTokenFile. */
  @SecretKnob({ unit: 'token', effect: 'Token to show to Consul. A file is the safer way.' })
  readonly consulToken?: Secret;

  /** Consul: file with the token. */
  @TextKnob({
    unit: 'path',
    effect: 'File with the token for Consul, read again for every request.',
  })
  readonly consulTokenFile?: string;

  /** Consul: where to look. Default: the datacentre of the agent. */
  @TextKnob({
    unit: 'datacentre',
    effect: 'Datacentre in which replicas are looked for; without it, the one of the agent.',
  })
  readonly consulDatacenter?: string;

  /** etcd: its client URLs. */
  @ListKnob({ unit: 'URL', effect: 'Client URLs of etcd; the next is tried when one fails.' })
  readonly etcdEndpoints: readonly string[] = [];

  /** etcd: who to log in as. Default: nobody. */
  @TextKnob({ unit: 'user', effect: 'User of etcd to log in as; without it, nobody logs in.' })
  readonly etcdUsername?: string;

  /** etcd: the user's password; prefer etcdPasswordFile. */
  @SecretKnob({ unit: 'password', effect: 'Password for etcd. A file is the safer way.' })
  readonly etcdPassword?: Secret;

  /** etcd: file with the password. */
  @TextKnob({ unit: 'path', effect: 'File with the password, read again for every login.' })
  readonly etcdPasswordFile?: string;

  /** Consul and etcd: who vouches for them. Default: the authorities that Node knows. */
  @TextKnob({
    unit: 'path',
    effect:
      'PEM file of the authorities to trust for Consul and etcd; with it, TLS is the default.',
  })
  readonly tlsCaFile?: string;

  /** Consul and etcd: the certificate to show. */
  @TextKnob({ unit: 'path', effect: 'PEM file of the certificate to show to Consul and etcd.' })
  readonly tlsCertFile?: string;

  /** Consul and etcd: the key of the certificate. */
  @TextKnob({ unit: 'path', effect: 'PEM file of the key that belongs to tlsCertFile.' })
  readonly tlsKeyFile?: string;

  /** mDNS: the service type. Default: made of serviceName. */
  @TextKnob({
    unit: 'service type such as _weir._tcp',
    effect: 'Service type that replicas announce; without it, made of serviceName.',
  })
  readonly mdnsService?: string;

  /** mDNS: where to announce and look. Default: every interface that has multicast. */
  @TextKnob({
    unit: 'interface name or its IPv4 address',
    effect:
      'Interface on which replicas announce themselves; without it, every one with multicast.',
  })
  readonly mdnsInterface?: string;

  /** UDP: port of the beacons. */
  @IntegerKnob({
    unit: 'UDP port',
    min: 1,
    max: 65_535,
    effect: 'Port on which replicas call out to each other in one broadcast domain.',
  })
  readonly udpBroadcastPort?: number;

  /** Gossip port of found addresses that have none. Default: the gossip port of this replica. */
  @IntegerKnob({
    unit: 'TCP and UDP port',
    min: 1,
    max: 65_535,
    effect: 'Gossip port of addresses found without one; else that of this replica.',
  })
  readonly bindPort?: number;

  /** How long one question to Consul, etcd, Kubernetes or DNS may take. Default 10s. */
  @DurationKnob({ effect: 'How long one question to the source may take.' })
  readonly dialTimeout: string = '10s';

  /** Networks that members may come from. Default: all. */
  @ListKnob({
    unit: 'networks such as 10.0.0.0/8',
    effect: 'Networks that members may come from, found or not; none listed: all.',
    item: isNetwork,
  })
  readonly allowedAddressSpace: readonly string[] = [];
}
