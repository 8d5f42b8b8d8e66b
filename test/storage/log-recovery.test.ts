/** Which bytes of a last batch decide whether it counts, is truncated, or is damage. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId } from '../../src/base/ids.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { HEADER_BYTES, KIND, plainKind } from '../../src/storage/log/log-record.ts';
import { dig } from '../sim/dig.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, textsOf, writing } from './log-contract.ts';
import { appendNow, mustOpen, rest } from './log-life.ts';

const SEGMENT = '00000001.log';
const LONG = 'x'.repeat(2000);

test('a last batch that lacks a piece of a payload is cut, unless it was confirmed', () => {
  for (const isConfirmed of [false, true]) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    appendNow(files, log, [CREATION, writing([command(1, 1, 'a')])]);
    appendNow(files, log, [writing([command(2, 1, LONG)])]);
    if (isConfirmed) rest(files, log);
    const image = files.image();
    const bytes = image.get(SEGMENT);
    assert.ok(bytes !== undefined);
    const at = Buffer.from(bytes).indexOf(LONG);
    // A sector in the middle: the headers before and after it are intact.
    bytes.fill(0, at + 700, at + 1212);
    files.restore(image);
    const again = mustOpen(files, { seed: 2 });
    const found = again.replica(CREATION.shard)?.log;
    assert.equal(found?.lastIndex, isConfirmed ? 2 : 1);
    assert.deepEqual(found?.damaged, isConfirmed ? [2] : []);
    assert.equal(again.damage.length, isConfirmed ? 1 : 0);
    assert.deepEqual(textsOf(again, 1, 1), ['a']);
  }
});

test('the configuration is known although either copy of its entry is damaged', () => {
  const configuration = { voters: [1, 2, 3] as MemberId[], outgoing: [], learners: [] };
  const entry: LogEntry = { index: 2, term: 1, kind: 'configuration', configuration };
  for (const copy of [0, 1]) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    appendNow(files, log, [CREATION, writing([command(1, 1, 'a'), entry, command(3, 1, 'c')])]);
    rest(files, log);
    const copies = dig(files).records.filter(({ header }) => {
      return header.index === 2 && plainKind(header.kind) === KIND.configuration;
    });
    assert.equal(copies.length, 2);
    const offset = copies[copy]?.header.offset ?? 0;
    files.flip(SEGMENT, offset + HEADER_BYTES + 3, 5);
    files.kill();
    const again = mustOpen(files, { seed: 2 });
    assert.deepEqual(again.quarantined, []);
    assert.deepEqual(again.replica(CREATION.shard)?.configurations, [
      CREATION.configuration,
      { at: { index: 2, term: 1 }, configuration },
    ]);
    assert.deepEqual(textsOf(again, 1, 3), ['a', 'configuration', 'c']);
  }
});
