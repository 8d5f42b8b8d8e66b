/** The boots that a folder records, and its records of other nodes' incarnations. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { BOOTS_KEPT, WORDS_MAX } from '../../src/base/life.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { appendNow, mustOpen, OWNER, openNow, rest } from './log-life.ts';

function begun() {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION, writing([command(1, 1, 'a'), command(2, 1, 'b')])]);
  files.settle();
  return { files, log };
}

test('a folder knows the words of its boots, and a copy from the past lacks the later ones', () => {
  const { files, log } = begun();
  const [first] = log.lineage.words;
  files.kill();
  const copy = files.image();
  const second = mustOpen(files, { seed: 2 });
  assert.deepEqual(second.lineage.words.slice(0, 1), [first]);
  const remembered = second.lineage.words.at(-1) ?? 0;
  files.restore(copy);
  for (let seed = 3; seed < 8; seed++) {
    const again = mustOpen(files, { seed });
    assert.ok(again.lineage.words.includes(first ?? 0));
    assert.ok(!again.lineage.words.includes(remembered), 'its number catches up, its words do not');
    files.kill();
  }
});

test('boots that never opened the log do not push out those that did', () => {
  const { files, log } = begun();
  const [first] = log.lineage.words;
  files.kill();
  for (let seed = 2; seed < 400; seed++) {
    files.plan({ on: 'rename', errno: 'EIO' }, { name: 'spare' });
    assert.equal(openNow(files, { seed }).type, 'refused');
    files.kill();
  }
  const opened = mustOpen(files, { seed: 400 });
  assert.deepEqual([opened.lineage.words.length, opened.lineage.words[0]], [2, first]);
  assert.ok(opened.incarnation > 300);
});

test('the word that the map showed last stays, however many boots no node hears of', () => {
  const { files, log } = begun();
  const [word = 0] = log.lineage.words;
  const { node } = OWNER;
  appendNow(files, log, [{ type: 'life', node, incarnation: 1, word }]);
  files.kill();
  for (let seed = 2; seed < BOOTS_KEPT + 20; seed++) {
    const again = mustOpen(files, { seed });
    assert.ok(again.lineage.words.length <= WORDS_MAX);
    assert.equal(again.lineage.words[0], word);
    files.kill();
  }
});

test('the newest incarnation of each node survives restarts and segment switches', () => {
  const { files, log } = begun();
  const [two, three] = [2 as NodeId, 3 as NodeId];
  appendNow(files, log, [
    { type: 'life', node: two, incarnation: 1, word: 21 },
    { type: 'life', node: three, incarnation: 7, word: 0xffff_ffff },
    { type: 'life', node: two, incarnation: 2, word: 0 },
  ]);
  rest(files, log);
  files.kill();
  for (let seed = 2; seed < 5; seed++) {
    const again = mustOpen(files, { seed });
    assert.deepEqual(again.lives.get(two), { incarnation: 2, word: 0 });
    assert.deepEqual(again.lives.get(three), { incarnation: 7, word: 0xffff_ffff });
    files.kill();
  }
  const last = mustOpen(files, { seed: 6 });
  appendNow(files, last, [{ type: 'forget-node', node: three }]);
  files.kill();
  assert.deepEqual([...mustOpen(files, { seed: 7 }).lives.keys()], [two]);
});
