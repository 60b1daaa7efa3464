/**
 * Who has announced itself, from records that arrive in any order and in parts. A replica counts when
 * its pointer, its place and its address are known and its text names our cluster; each record lives as
 * long as it says. Everything is bounded: anybody on the network may send.
 */
import { type MonoMs, monoMs, SECOND_MS } from '../../common/time.js';
import type { Proposal } from './address-filter.js';
import { type MdnsRecord, sameName } from './mdns-records.js';

const INSTANCES_MAX = 2_048;
const HOSTS_MAX = 4_096;
const ADDRESSES_MAX = 8;
const TTL_SECONDS_MAX = 4_500;

interface Instance {
  expiresAt: MonoMs;
  target: string | undefined;
  port: number;
  cluster: string | undefined;
  replicaId: string | undefined;
}

export class MdnsBrowser {
  private readonly instances = new Map<string, Instance>();
  private readonly addresses = new Map<string, Map<string, MonoMs>>();
  private readonly type: string;

  constructor(
    service: string,
    private readonly clusterName: string,
  ) {
    this.type = `${service}.local`;
  }

  take(records: readonly MdnsRecord[], now: MonoMs): void {
    for (const record of records) this.takeOne(record, now);
  }

  expire(now: MonoMs): void {
    for (const [name, { expiresAt }] of this.instances)
      if (expiresAt <= now) this.instances.delete(name);
    for (const [host, addresses] of this.addresses) {
      for (const [address, expiresAt] of addresses) if (expiresAt <= now) addresses.delete(address);
      if (addresses.size === 0) this.addresses.delete(host);
    }
  }

  /** We were deaf: whatever was known lives on for as long as `ms` from now. */
  forgive(now: MonoMs, ms: number): void {
    for (const instance of this.instances.values()) instance.expiresAt = monoMs(now + ms);
    for (const addresses of this.addresses.values())
      for (const address of addresses.keys()) addresses.set(address, monoMs(now + ms));
  }

  peers(): readonly Proposal[] {
    return [...this.instances.values()].flatMap(({ target, port, cluster, replicaId }) => {
      if (target === undefined || cluster !== this.clusterName) return [];
      const addresses = [...(this.addresses.get(target)?.keys() ?? [])];
      return addresses.map((host) => ({ host, port, origin: `mdns ${replicaId ?? target}` }));
    });
  }

  private takeOne(record: MdnsRecord, now: MonoMs): void {
    const name = record.name.toLowerCase();
    const expiresAt = monoMs(now + Math.min(record.ttl, TTL_SECONDS_MAX) * SECOND_MS);
    switch (record.type) {
      case 'PTR':
        if (sameName(record.name, this.type))
          this.takePointer(record.data.toLowerCase(), expiresAt, record.ttl);
        return;
      case 'SRV':
        this.change(name, { target: record.data.target.toLowerCase(), port: record.data.port });
        return;
      case 'TXT':
        this.change(name, {
          cluster: textOf(record.data, 'cluster'),
          replicaId: textOf(record.data, 'id'),
        });
        return;
      case 'A':
      case 'AAAA':
        this.takeAddress(name, record, expiresAt);
        return;
    }
  }

  private takePointer(instance: string, expiresAt: MonoMs, ttl: number): void {
    const known = this.instances.get(instance);
    if (ttl === 0) this.instances.delete(instance);
    else if (known !== undefined) known.expiresAt = expiresAt;
    else if (this.instances.size < INSTANCES_MAX) {
      const unknown = { target: undefined, port: 0, cluster: undefined, replicaId: undefined };
      this.instances.set(instance, { expiresAt, ...unknown });
    }
  }

  private change(name: string, facts: Partial<Instance>): void {
    const known = this.instances.get(name);
    if (known !== undefined) Object.assign(known, facts);
  }

  private takeAddress(
    host: string,
    { data, ttl, flush }: MdnsRecord & { readonly type: 'A' | 'AAAA' },
    expiresAt: MonoMs,
  ): void {
    const known = this.addresses.get(host) ?? new Map<string, MonoMs>();
    if (flush === true) known.clear();
    if (ttl > 0 && known.size < ADDRESSES_MAX) known.set(data, expiresAt);
    if (known.size === 0) this.addresses.delete(host);
    else if (this.addresses.has(host) || this.addresses.size < HOSTS_MAX)
      this.addresses.set(host, known);
  }
}

function textOf(texts: readonly string[], key: string): string | undefined {
  const found = texts.find((text) => text.startsWith(`${key}=`));
  return found?.slice(key.length + 1);
}
