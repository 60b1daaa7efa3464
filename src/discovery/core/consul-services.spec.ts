import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { CONSUL_INSTANCES_MAX, consulRegistration, readConsulServices } from './consul-services.js';

const entry = (service: object, checks: readonly object[] = []) => ({
  Node: { Node: 'n1', Address: '10.0.0.9' },
  Service: { ID: 'weir-a', Address: '10.0.0.1', Port: 7946, ...service },
  Checks: checks,
});

describe('instances of a service in Consul', () => {
  it('are read with their own address', () => {
    const instances = [{ id: 'weir-a', host: '10.0.0.1', port: 7946 }];
    expect(readConsulServices([entry({})])).toEqual({ instances, skipped: [] });
  });

  it('live on their node if their address is empty or missing', () => {
    for (const Address of ['', undefined])
      expect(readConsulServices([entry({ Address })])?.instances[0]?.host).toBe('10.0.0.9');
  });

  it('are named when they have no address or no port at all', () => {
    const homeless = { Node: {}, Service: { ID: 'weir-b', Address: '', Port: 7946 } };
    const answer = [homeless, entry({ ID: 'weir-c', Port: 0 }), 'garbage', null];
    const skipped = ['weir-b', 'weir-c', ...Array(2).fill('an entry that is not an object')];
    expect(readConsulServices(answer)).toEqual({ instances: [], skipped });
  });

  it('are proposed although their own check fails, but not on a dead node', () => {
    const own = { CheckID: 'service:weir-a', Status: 'critical' };
    const node = { CheckID: 'serfHealth', Status: 'critical' };
    expect(readConsulServices([entry({}, [own])])?.instances).toHaveLength(1);
    expect(readConsulServices([entry({}, [node])])?.instances).toHaveLength(0);
  });

  it('are not found in an answer of another shape, or in one without bounds', () => {
    for (const answer of [undefined, null, {}, 'no', 7])
      expect(readConsulServices(answer)).toBeUndefined();
    const many = Array(CONSUL_INSTANCES_MAX + 1).fill(entry({}));
    expect(readConsulServices(many)).toBeUndefined();
  });

  it('never throw, whatever an entry holds', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (answer) => {
        expect(readConsulServices(answer)).toBeDefined();
      }),
    );
  });
});

describe('a registration in Consul', () => {
  const self = { replicaId: 'a', host: '10.0.0.1', port: 7946, clusterName: 'weir', region: 'eu' };

  it('has id, address, gossip port, the region as a tag, and a TCP check', () => {
    expect(consulRegistration('weir', { ...self, ports: { grpc: 7411 } }, 3)).toEqual({
      ID: 'weir-a',
      Name: 'weir',
      Address: '10.0.0.1',
      Port: 7946,
      Tags: ['region=eu'],
      Meta: { cluster: 'weir', region: 'eu', turn: '3', 'port-grpc': '7411' },
      Check: {
        Name: 'gossip port',
        TCP: '10.0.0.1:7946',
        Interval: '10s',
        Timeout: '5s',
        DeregisterCriticalServiceAfter: '1m',
      },
    });
  });

  it('puts an IPv6 address in brackets where a port follows', () => {
    const body = consulRegistration('weir', { ...self, host: 'fd00::1' }, 1);
    expect(body).toMatchObject({ Address: 'fd00::1', Check: { TCP: '[fd00::1]:7946' } });
  });
});
