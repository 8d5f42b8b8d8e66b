/** Addresses: what users may write, what is dialled, and how messages name it. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, namesOf } from '../../src/client/addresses.ts';

test('an address has a scheme, a host and a port, of which the host is enough', () => {
  const dialled = (urls: string | readonly string[]) => addressesOf(urls).map(({ url }) => url);
  deepEqual(dialled('db:7400'), ['ws://db:7400']);
  deepEqual(dialled('db'), ['ws://db:7400']);
  deepEqual(dialled('kv://db/'), ['ws://db:7400']);
  deepEqual(dialled('KV://db:1'), ['ws://db:1']);
  deepEqual(dialled('[::1]:7'), ['ws://[::1]:7']);
  deepEqual(dialled('kv://[::1]'), ['ws://[::1]:7400']);
  deepEqual(dialled('a:1, b:2'), ['ws://a:1', 'ws://b:2']);
  deepEqual(dialled('kvs://a:1,b'), ['wss://a:1', 'wss://b:7400']);
  deepEqual(dialled(['a:1,kvs://b:2', 'c:3']), ['ws://a:1', 'wss://b:2', 'ws://c:3']);
  deepEqual(dialled('wss://db.example/path/'), ['wss://db.example/path']);
});

test('messages have the text of the user, and the scheme of users for urls of the map', () => {
  const nameOf = namesOf(addressesOf('a:1,ws://b:2,kv://c'));
  equal(nameOf('ws://a:1'), 'a:1');
  equal(nameOf('ws://b:2'), 'ws://b:2');
  equal(nameOf('ws://c:7400'), 'kv://c');
  equal(nameOf('ws://d:4'), 'kv://d:4');
  equal(nameOf('wss://e:5'), 'kvs://e:5');
});
