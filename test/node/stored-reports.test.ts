/** Of the counts that peers tell, the newest one counts. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { STORAGE_QUOTA_LIMITS } from '../../src/node/limits.ts';
import { StoredReports } from '../../src/node/stored-reports.ts';

const SHARD = 1 as ShardId;
const [TWO, THREE] = [2 as NodeId, 3 as NodeId];

function report(index: number, keys: number) {
  return { shard: SHARD, id: 7, index, keys, bytes: 0 };
}

test('a follower that is behind does not replace what another node has told', () => {
  const reports = new StoredReports();
  reports.take(report(10, 100), TWO, 0);
  reports.take(report(9, 50), THREE, 1);
  equal(reports.of(7, SHARD)?.keys, 100);
  reports.take(report(10, 101), THREE, 2);
  equal(reports.of(7, SHARD)?.keys, 101);
  reports.take(report(11, 40), TWO, 3);
  equal(reports.of(7, SHARD)?.keys, 40);
});

test('the node that told a count may tell a lower index: its log was forced anew', () => {
  const reports = new StoredReports();
  reports.take(report(10, 100), TWO, 0);
  reports.take(report(3, 5), TWO, 1);
  equal(reports.of(7, SHARD)?.keys, 5);
});

test('what no node confirms is forgotten, and so are ranges without a limit', () => {
  const reports = new StoredReports();
  reports.take(report(10, 100), TWO, 0);
  reports.tidy(() => true, STORAGE_QUOTA_LIMITS.forgetMilliseconds);
  equal(reports.of(7, SHARD)?.keys, 100);
  reports.tidy(() => true, STORAGE_QUOTA_LIMITS.forgetMilliseconds + 1);
  equal(reports.of(7, SHARD), undefined);
  reports.take(report(10, 100), TWO, 0);
  reports.tidy(() => false, 0);
  equal(reports.of(7, SHARD), undefined);
});
