/** Votes are on disk more than once: which copy counts, and which replicas may vote afterwards. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type MemberId, NO_MEMBER } from '../../src/base/ids.ts';
import {
  decodeHardStates,
  encodeHardStates,
  HARD_STATE_FILES,
} from '../../src/storage/log/hard-state.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { appendNow, mustOpen, rest } from './log-life.ts';

const SHARD = CREATION.shard;
const VOTE = { term: 5, vote: 9 as MemberId, commit: 0 };

test('a vote is in a hard-state copy before any tick, in case its record is damaged', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION]);
  rest(files, log);
  const before = files.image();
  appendNow(files, log, [writing([], { hardState: VOTE })]);
  // The vote's batch is confirmed by another batch, not by a hard-state copy.
  appendNow(files, log, [writing([command(1, 1, 'a')], { hardState: VOTE })]);
  const name = '00000001.log';
  const [old, bytes] = [before.get(name), files.image().get(name)];
  assert.ok(old !== undefined && bytes !== undefined);
  const at = bytes.findIndex((byte, offset) => byte !== old[offset]);
  files.kill();
  files.flip(name, at + 48, 0);
  const again = mustOpen(files, { seed: 2 });
  assert.equal(again.damage.length, 1);
  const replica = again.replica(SHARD);
  assert.deepEqual([replica?.hardState.term, replica?.hardState.vote], [5, 9]);
  assert.equal(replica?.mayVote, true);
});

test('a log behind its hard-state copy, without known damage, never votes', () => {
  for (const isLater of [true, false]) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    appendNow(files, log, [CREATION, writing([], { hardState: VOTE })]);
    rest(files, log);
    const image = files.image();
    const copies = HARD_STATE_FILES.map((name) =>
      decodeHardStates(image.get(name) ?? new Uint8Array()),
    );
    const sequence = Math.max(...copies.map((copy) => copy?.sequence ?? 0));
    const newest = copies.find((copy) => copy?.sequence === sequence);
    assert.ok(newest !== undefined);
    // As a disk leaves it that lost a write silently: the copy is ahead.
    const votes = newest.votes.map((vote) => ({ ...vote, term: isLater ? 6 : 4 }));
    const [name] = HARD_STATE_FILES;
    image.set(name, encodeHardStates({ ...newest, sequence: sequence + 1, votes }));
    files.restore(image);
    const replica = mustOpen(files, { seed: 2 }).replica(SHARD);
    assert.equal(replica?.mayVote, !isLater);
    assert.equal(replica?.hardState.term, isLater ? 6 : 5);
  }
});

test('a log that ends before its commit index never votes', () => {
  for (const commit of [1, 2]) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    const hardState = { ...VOTE, commit };
    appendNow(files, log, [CREATION, writing([command(1, 1, 'a')], { hardState })]);
    rest(files, log);
    files.kill();
    const replica = mustOpen(files, { seed: 2 }).replica(SHARD);
    assert.deepEqual([replica?.log.lastIndex, replica?.mayVote], [1, commit === 1]);
  }
});

test('a log whose last entry has a later term than its hard state never votes', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION, writing([command(1, 7, 'a')], { hardState: VOTE })]);
  rest(files, log);
  files.kill();
  const replica = mustOpen(files, { seed: 2 }).replica(SHARD);
  assert.deepEqual(replica?.hardState, { term: 7, vote: NO_MEMBER, commit: 0 });
  assert.equal(replica.mayVote, false);
});
