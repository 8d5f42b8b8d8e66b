/** The user that the certificate of a client names. */

import { deepEqual, equal } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { nodeNameIn, nodeUri } from '../../src/certificates/node-name.ts';
import { holderOf } from '../../src/certificates/reading.ts';
import { isUserName, userNameIn, userUri } from '../../src/certificates/user-name.ts';
import { TestAuthority } from '../support/certificates.ts';

const ANN = { cluster: 'prod', user: 'ann' };
const URI = userUri(ANN);
const NODE = nodeUri({ cluster: 'prod', name: 'n1' });

function namesIn(uris: readonly string[], hosts: readonly string[] = []): string | undefined {
  const { cert } = new TestAuthority().sign('any', { uris, hosts }, false);
  return new X509Certificate(cert).subjectAltName;
}

test('the URI of a user is found among other names, and names no node', () => {
  deepEqual(userNameIn(namesIn(['https://a.example/x', URI], ['a.example', '::1'])), ANN);
  equal(nodeNameIn(namesIn([URI])), undefined);
  const mail = { cluster: 'prod', user: 'ann@example.org' };
  deepEqual(userNameIn(namesIn([userUri(mail)])), mail);
  const { cert } = new TestAuthority().client('any', { uris: [URI] });
  deepEqual(holderOf({ cert }).user, ANN);
});

test('a certificate without one, with two, or with that of a node names no user', () => {
  const others = [
    ...['ringkv://prod/node/ann', 'ringkv://prod/user/', 'ringkv://prod/user/ann/x'],
    ...[`${URI}?a`, `x${URI}`, 'ringkv:///user/ann', 'ringkv://prod/users/ann', `${URI} `],
    ...['RINGKV://prod/user/ann', `ringkv://prod/user/${'a'.repeat(65)}`],
  ];
  for (const uri of others) equal(userNameIn(namesIn([uri])), undefined, uri);
  equal(userNameIn(namesIn([URI, userUri({ cluster: 'prod', user: 'bob' })])), undefined);
  equal(userNameIn(namesIn([URI, NODE])), undefined, 'a node acts for its clients');
  const other = nodeUri({ cluster: 'prod', name: 'n2' });
  equal(userNameIn(namesIn([URI, NODE, other])), undefined, 'also for several nodes');
  equal(userNameIn(undefined), undefined);
});

test('a name of another kind cannot pretend to be the URI of a user', () => {
  const hosts = [`a, URI:${URI}`, `a, URI:${URI}, DNS:b`, `"a, URI:${URI}`];
  for (const host of hosts) equal(userNameIn(namesIn([], [host])), undefined, host);
});

test('what a user may be called in a certificate is what it may be called in the cluster', () => {
  for (const name of ['a', 'ann@example.org', 'a-b_c.d']) equal(isUserName(name), true);
  for (const name of ['', '@a', 'a b', 'a/b', 'ä', 'a'.repeat(65)]) equal(isUserName(name), false);
});
