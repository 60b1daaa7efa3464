import { describe, expect, it } from '@jest/globals';
import { parseEtcdEndpoint } from './etcd-endpoint.js';
import { serviceUrl } from '../../common/service-url.js';

const consul = { port: 8500, isTls: false };

describe('an address of a service', () => {
  it.each([
    ['localhost', 'http://localhost:8500'],
    ['localhost:18500', 'http://localhost:18500'],
    ['https://consul.example', 'https://consul.example:8500'],
    ['HTTP://10.0.0.1:80/', 'http://10.0.0.1:80'],
    ['https://gate.example:443/consul/', 'https://gate.example:443/consul'],
    ['[fd00::1]:8500', 'http://[fd00::1]:8500'],
    ['[fd00::1]', 'http://[fd00::1]:8500'],
  ])('%s means %s', (text, url) => {
    expect(serviceUrl(text, consul)).toBe(url);
  });

  it('without a scheme uses TLS where there are files for it', () => {
    expect(serviceUrl('consul', { port: 8501, isTls: true })).toBe('https://consul:8501');
  });

  it.each([
    '',
    'ftp://x',
    'a b',
    'http://',
    'x:99999',
    'x:0',
    'http://user:pw@x',
    'fd00::1',
    'x?y=1',
  ])('refuses %p', (text) => {
    expect(serviceUrl(text, consul)).toBeUndefined();
  });
});

describe('an endpoint of etcd', () => {
  it.each([
    ['http://etcd-0:2379', { target: 'etcd-0:2379', isTls: false }],
    ['https://etcd-0', { target: 'etcd-0:2379', isTls: true }],
    ['etcd-0:1234', { target: 'etcd-0:1234', isTls: false }],
    ['http://[::1]:2379/', { target: '[::1]:2379', isTls: false }],
    ['http://etcd/path', undefined],
    ['etcd:port', undefined],
  ])('%s', (text, endpoint) => {
    expect(parseEtcdEndpoint(text, false)).toEqual(endpoint);
  });
});
