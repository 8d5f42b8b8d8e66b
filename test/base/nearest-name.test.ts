/** A guess at a name is right or not made. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { nearestName } from '../../src/base/nearest-name.ts';

const NAMES = ['shards', 'replicas', 'listen', 'get', 'put', 'data'];

test('a mistyped name finds the nearest one', () => {
  const slips: readonly (readonly [given: string, meant: string])[] = [
    ['shard', 'shards'],
    ['shrads', 'shards'],
    ['Replicas', 'replicas'],
    ['replikas', 'replicas'],
    ['lisen', 'listen'],
    ['gte', 'get'],
    ['pu', 'put'],
  ];
  for (const [given, meant] of slips) assert.equal(nearestName(given, NAMES), meant);
});

test('a name that is far from all others finds none', () => {
  for (const given of ['', 'x', 'colour', 'folder-data', 'y'.repeat(100_000)]) {
    assert.equal(nearestName(given, NAMES), undefined, given.slice(0, 20));
  }
  assert.equal(nearestName('get', []), undefined);
});

test('of two near names the nearer one is found', () => {
  assert.equal(nearestName('pet', ['port', 'put', 'pets']), 'put');
  assert.equal(nearestName('weigt', ['height', 'weight']), 'weight');
});
