/** A node's description of itself: others dial it, and terminals show it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { faultOfDescription, isClientUrl } from '../../src/catalog/description.ts';
import { describe } from './rows.ts';

test('an address points to a node and nothing else', () => {
  const sound = ['ws://a:1', 'wss://db.example', 'ws://[::1]:7400', 'ws://10.0.0.1:65535'];
  for (const url of [...sound, 'wss://db.example/kv/n1']) assert.equal(isClientUrl(url), true, url);
  for (const peerUrl of sound)
    assert.equal(faultOfDescription(describe('a', { peerUrl })), undefined);
  const unsound = [
    ...['', 'http://a:1', 'ws://', 'ws://a:0', 'ws://a:65536', 'ws://a:1/', 'ws://a:1/../x'],
    ...['ws://a:1?x=1', 'ws://a:1#x', 'ws://me:pw@a:1', 'ws://a b:1', 'ws://a:1\r\nX: y'],
    ...['javascript:1', 'ws://ä:1', `ws://${'a'.repeat(254)}:1`, 'ws://a:1\u001b[31m'],
  ];
  for (const url of unsound) assert.equal(isClientUrl(url), false, JSON.stringify(url));
  const proxied = faultOfDescription(describe('a', { peerUrl: 'ws://a:1/admin' }));
  assert.equal(proxied, '"ws://a:1/admin" is not a valid node address: expected ws://host:port');
});

test('a name and a zone have no control characters', () => {
  assert.equal(faultOfDescription(describe('a', { zone: 'zürich 2', name: 'n1' })), undefined);
  for (const hostile of ['\u001b[2J', '\u0007', 'a\nb', '\u202eabc', '\u2028', '\u009b1m']) {
    const name = faultOfDescription(describe('a', { name: hostile }));
    assert.match(name ?? '', /^the name "[ -~]*" has control characters/, JSON.stringify(hostile));
    assert.match(faultOfDescription(describe('a', { zone: hostile })) ?? '', /^the zone/);
  }
  const spelled = faultOfDescription(describe('a', { zone: 'a\u001b[2J' }));
  assert.equal(spelled, 'the zone "a\\u{1b}[2J" has control characters: remove them');
});
