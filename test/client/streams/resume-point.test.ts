/** Which resume points fit a cluster. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../../src/base/ids.ts';
import {
  arcOfShard,
  clusterDigest,
  marksFor,
} from '../../../src/client/core/streams/resume-point.ts';

const ARCS = [1, 2].map((shard) => arcOfShard(shard as ShardId, 2));
const MARKS = [7, 9].map((index) => ({ position: { index, term: 1 }, skip: 0 }));
const POINT = {
  cluster: clusterDigest('mine'),
  arcs: ARCS.map((arc, at) => ({ ...arc, mark: MARKS[at] as (typeof MARKS)[number] })),
};

test('a point of the same cluster and shards gives a mark for each shard', () => {
  deepEqual(marksFor(POINT, { cluster: 'mine', arcs: ARCS }), MARKS);
});

test('a point of another cluster, or of other shards, does not fit', () => {
  equal(marksFor(POINT, { cluster: 'other', arcs: ARCS }), 'it belongs to another cluster');
  const others = [1, 2, 3].map((shard) => arcOfShard(shard as ShardId, 3));
  equal(marksFor(POINT, { cluster: 'mine', arcs: others }), 'the cluster has other shards');
  equal(
    marksFor(POINT, { cluster: 'mine', arcs: others.slice(0, 2) }),
    'the cluster has other shards',
  );
});
