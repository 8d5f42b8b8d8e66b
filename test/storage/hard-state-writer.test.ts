/** The writer of the two hard-state copies: one of them is intact at any time. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { type FileFault, faultText } from '../../src/storage/files/files.ts';
import {
  decodeHardStates,
  HARD_STATE_BYTES,
  HARD_STATE_FILES,
  type HardStates,
} from '../../src/storage/log/hard-state.ts';
import { HardStateWriter } from '../../src/storage/log/hard-state-writer.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';

const onFault = (fault: FileFault) => assert.fail(faultText(fault));
const NOTHING = {
  incarnation: 1,
  oldest: 1,
  confirmed: { epoch: 1, batch: 1 },
  confirmedEnd: 1,
  votes: [],
};

function begun() {
  const files = new MemoryFiles();
  for (const name of HARD_STATE_FILES) files.create({ name, size: HARD_STATE_BYTES }, () => {});
  files.syncFolder(() => {});
  files.settle();
  const copies = [undefined, undefined];
  return { files, writer: new HardStateWriter({ files, copies, onFault }) };
}

function copiesOn(files: MemoryFiles): (HardStates | undefined)[] {
  return HARD_STATE_FILES.map((name) => {
    const bytes = files.read({ name, offset: 0, length: HARD_STATE_BYTES });
    return bytes instanceof Uint8Array ? decodeHardStates(bytes) : undefined;
  });
}

test('a loss of power in the middle of a write leaves the newest copy that was done', () => {
  const left = new Set<string>();
  for (let writes = 1; writes <= 4; writes++) {
    for (let seed = 0; seed < 40; seed++) {
      const { files, writer } = begun();
      for (let nth = 1; nth < writes; nth++) {
        writer.write(NOTHING, () => {});
        files.settle();
      }
      writer.write(NOTHING, () => assert.fail('the power failed before'));
      files.crash(new Random(seed));
      const newest = Math.max(...copiesOn(files).map((copy) => copy?.sequence ?? 0));
      assert.ok(newest === writes - 1 || newest === writes, `${newest} of ${writes}`);
      left.add(newest === writes ? 'new' : 'old');
    }
  }
  assert.deepEqual([...left].sort(), ['new', 'old']);
});

test('a segment is released once both copies do not need it', () => {
  const { files, writer } = begun();
  const seen: number[] = [];
  for (const oldest of [2, 2, 5, 7, 7]) {
    writer.write({ ...NOTHING, oldest }, () => seen.push(writer.oldest));
    files.settle();
  }
  assert.deepEqual(seen, [0, 2, 2, 5, 7]);
});

test('a later incarnation replaces the older or lost copy', () => {
  for (const lost of [0, 1]) {
    const { files, writer } = begun();
    for (let nth = 0; nth < 3; nth++) {
      writer.write(NOTHING, () => {});
      files.settle();
    }
    const copies = copiesOn(files).map((copy, at) => (at === lost ? undefined : copy));
    const kept = copies.find((copy) => copy !== undefined)?.sequence ?? 0;
    const later = new HardStateWriter({ files, copies, onFault });
    later.write(NOTHING, () => {});
    files.settle();
    const sequences = copiesOn(files).map((copy) => copy?.sequence);
    assert.equal(sequences[lost], kept + 1);
    assert.equal(sequences[1 - lost], kept);
  }
});
