/** The node that a certificate names. */

import { deepEqual, equal } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import {
  isClusterName,
  isNameOfCluster,
  nodeNameIn,
  nodeUri,
} from '../../src/certificates/node-name.ts';
import { TestAuthority } from '../support/certificates.ts';

const N1 = { cluster: 'prod', name: 'n1' };
const URI = nodeUri(N1);

function nameIn(uris: readonly string[], hosts: readonly string[]) {
  const { cert } = new TestAuthority().sign('any', { uris, hosts }, true);
  return nodeNameIn(new X509Certificate(cert).subjectAltName);
}

test('the URI of a node is found among other names', () => {
  const hosts = ['a.example', '127.0.0.1', '::1', '2001:db8::ff'];
  deepEqual(nameIn([URI], hosts), N1);
  deepEqual(nameIn(['https://a.example/x', URI], hosts), N1);
});

test('a certificate without one, with two, or with a similar one names no node', () => {
  const others = [
    ...['ringkv://prod/user/n1', 'ringkv://prod/node/', 'ringkv://prod/node/n1/x', 'ringkv://n1'],
    ...[
      `${URI}?a`,
      `x${URI}`,
      'ringkv:///node/n1',
      'ringkv://prod/node/n1 ',
      'RINGKV://prod/node/n1',
    ],
  ];
  for (const uri of others) equal(nameIn([uri], []), undefined, uri);
  equal(nameIn([URI, nodeUri({ cluster: 'prod', name: 'n2' })], []), undefined);
  equal(nameIn([], ['localhost']), undefined);
  equal(nodeNameIn(undefined), undefined);
});

test('a name of another kind cannot pretend to be the URI of a node', () => {
  const hosts = [`a, URI:${URI}`, `a, URI:${URI}, DNS:b`, `"a, URI:${URI}`, `\\", URI:${URI}, "`];
  for (const host of hosts) equal(nameIn([], [host]), undefined, host);
  equal(nodeNameIn(`DNS:"a, URI:${URI}, DNS:b"`), undefined);
  equal(nodeNameIn(`DNS:"a\\", URI:${URI}, DNS:b"`), undefined);
  deepEqual(nodeNameIn(`DNS:"a, DNS:b", URI:${URI}`), N1);
});

test('a certificate fits the clusters that were founded under its name', () => {
  equal(isNameOfCluster('prod', 'prod.0123456789abcdef'), true);
  equal(isNameOfCluster('0123456789abcdef', '0123456789abcdef'), true);
  for (const id of ['prod2.0123456789abcdef', 'prod.eu.0123456789abcdef', '.prod', 'pro.d']) {
    equal(isNameOfCluster('prod', id), false, id);
  }
  equal(isNameOfCluster('', '.0123456789abcdef'), false);
  equal(isClusterName('prod-1_b'), true);
  for (const name of ['', 'a.b', '-a', 'a'.repeat(41), 'a b']) equal(isClusterName(name), false);
});
