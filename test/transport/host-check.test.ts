/** A host name that a web page could point at this machine is refused. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { isMeantForUs } from '../../src/transport/host-check.ts';

const LOCAL = { listenHost: '127.0.0.1', ownHosts: ['db.example'] };

test('on loopback a node answers to addresses, to localhost and to what it advertises', () => {
  const meant = [
    undefined,
    '127.0.0.1:7400',
    '127.0.0.1',
    '[::1]:7400',
    'localhost:7400',
    'LOCALHOST',
    'db.example:7400',
    'DB.example',
    '10.1.2.3:80',
  ];
  for (const header of meant) assert.ok(isMeantForUs(header, LOCAL), header);
  const foreign = [
    'evil.example:7400',
    'evil.example',
    '',
    'db.example.evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '1.2.3.4.5',
    '[::1',
    'a:b:c',
    'evil.example:7400:1',
  ];
  for (const header of foreign) assert.ok(!isMeantForUs(header, LOCAL), header);
});

test('beyond loopback any name is accepted', () => {
  assert.ok(isMeantForUs('any.example', { listenHost: '0.0.0.0', ownHosts: [] }));
});
