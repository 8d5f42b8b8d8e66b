/** Which bytes of a last batch decide whether it counts, is cut, or is damage. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryFiles } from '../../src/storage/memory-files.ts';
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
    // A sector in the middle: the headers before it and behind it are there.
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
