/** A flipped bit in the end of a log, or in a tombstone, loses no data. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { HEADER_BYTES } from '../../src/storage/log/log-record.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, textsOf, writing } from './log-contract.ts';
import { appendNow, mustOpen, openNow, rest } from './log-life.ts';

const SEGMENT = '00000001.log';

/** A log after a clean close, and the offsets of its last batch. */
function left(write: (files: MemoryFiles) => { readonly start: number; readonly end?: number }) {
  const files = new MemoryFiles();
  const { start, end = usedIn(files) } = write(files);
  return { image: files.image(), start, end };
}

function usedIn(files: MemoryFiles): number {
  const bytes = files.image().get(SEGMENT) ?? new Uint8Array();
  return Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 8) * 8;
}

/** Flips one bit of each byte in turn, and opens the log. */
function hurtEach(
  { image, start, end }: ReturnType<typeof left>,
  look: (opened: ReturnType<typeof openNow>, at: number) => void,
): void {
  assert.ok(end - start >= HEADER_BYTES, `${start} to ${end}`);
  for (let at = start; at < end; at++) {
    const files = new MemoryFiles();
    files.restore(image);
    files.flip(SEGMENT, at, at % 8);
    look(openNow(files, { seed: at }), at);
  }
}

for (const isEmpty of [false, true]) {
  const what = isEmpty ? 'a batch of nothing' : 'the end of the last batch';
  test(`one flip in ${what} does not refuse a log that was closed cleanly`, () => {
    const log = left((files) => {
      const open = mustOpen(files);
      appendNow(files, open, [CREATION]);
      let start = usedIn(files);
      appendNow(files, open, [writing([command(1, 1, 'a'), command(2, 1, 'b')])]);
      if (isEmpty) {
        start = usedIn(files);
        appendNow(files, open, []);
      }
      open.close(() => {});
      files.settle();
      // The last bytes of a header are zeros.
      return isEmpty ? { start, end: start + HEADER_BYTES } : { start };
    });
    hurtEach(log, (opened, at) => {
      assert.ok(opened.type === 'opened', `byte ${at}`);
      const replica = opened.log.replica(CREATION.shard);
      assert.equal(replica?.log.lastIndex, 2, `byte ${at}`);
      const lost = replica.log.damaged;
      for (const [nth, text] of ['a', 'b'].entries()) {
        if (lost.includes(nth + 1)) continue;
        assert.deepEqual(textsOf(opened.log, nth + 1, nth + 1), [text]);
      }
      assert.ok(lost.length <= 1);
    });
  });
}

for (const isCheckpoint of [false, true]) {
  const where = isCheckpoint ? 'a checkpoint' : 'the record of a removal';
  test(`a tombstone survives one flip in ${where}`, () => {
    const log = left((files) => {
      const open = mustOpen(files);
      appendNow(files, open, [CREATION]);
      const start = usedIn(files);
      const { shard } = CREATION;
      appendNow(files, open, [{ type: 'remove', shard, configuration: { index: 3, term: 2 } }]);
      rest(files, open);
      if (!isCheckpoint) return { start };
      open.close(() => {});
      files.settle();
      const again = mustOpen(files, { seed: 2 });
      rest(files, again);
      again.close(() => {});
      files.settle();
      return { start };
    });
    const [segment, start] = isCheckpoint ? ['00000002.log', 4608] : [SEGMENT, log.start];
    const bytes = log.image.get(segment) ?? new Uint8Array();
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    assert.ok(end - start > 100, `${start} to ${end}`);
    for (let at = start; at < end; at++) {
      const files = new MemoryFiles();
      files.restore(log.image);
      files.flip(segment, at, at % 8);
      const opened = openNow(files, { seed: at });
      assert.ok(opened.type === 'opened', `byte ${at}`);
      assert.deepEqual(
        opened.log.tombstones,
        [{ shard: CREATION.shard, member: CREATION.member, configuration: { index: 3, term: 2 } }],
        `byte ${at}`,
      );
    }
  });
}
