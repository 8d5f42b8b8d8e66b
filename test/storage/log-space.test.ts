/** Segments in reserve, and the calls that make them. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryFiles } from '../../src/storage/memory-files.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { appendNow, mustOpen } from './log-life.ts';

const LONG = 'x'.repeat(1500);

test('a log that is closed has no call on its way that would meet a later life', () => {
  // With some of these lengths the last batch begins a segment, and a spare is missing then.
  for (let count = 1; count <= 60; count++) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    appendNow(files, log, [CREATION]);
    for (let index = 1; index <= count; index++) {
      log.append([writing([command(index, 1, LONG)])], () => {});
    }
    let isClosed = false;
    log.close(() => {
      isClosed = true;
    });
    while (!isClosed) assert.ok(files.step(), 'it closes');
    assert.equal(files.step(), false, `after ${count} entries`);
  }
});
