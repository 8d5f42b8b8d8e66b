/** Which life of a node follows which others. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { BOOTS_KEPT, type Life, lifeMissingIn, lifeOf, WORDS_MAX } from '../../src/base/life.ts';

function life(incarnation: number, word: number): Life {
  return { incarnation, word };
}

test('a life follows those whose words it has, and no others', () => {
  const lineage = { incarnation: 3, words: [11, 12, 13] };
  equal(lifeMissingIn(lineage, []), undefined);
  equal(lifeMissingIn(lineage, [life(1, 11), life(3, 13)]), undefined);
  deepEqual(lifeMissingIn(lineage, [life(3, 99)]), life(3, 99));
  deepEqual(lifeMissingIn(lineage, [life(2, 12), life(3, 99)]), life(3, 99));
  deepEqual(lifeOf(lineage), life(3, 13));
});

test('an equal number proves nothing', () => {
  const copy = { incarnation: 9, words: [11, 12, 90, 91, 92, 93, 94, 95, 96] };
  deepEqual(lifeMissingIn(copy, [life(3, 13)]), life(3, 13));
});

test('a life older than the kept words is not missed, if another known one is there', () => {
  const words = Array.from({ length: BOOTS_KEPT }, (_, at) => 5000 + at);
  const pinned = { incarnation: 9000, words: [77, ...words] };
  equal(pinned.words.length, WORDS_MAX);
  // It was known before the boots that the words tell of, and the map knows another one of them.
  equal(lifeMissingIn(pinned, [life(100, 1), life(90, 77)]), undefined);
  deepEqual(lifeMissingIn(pinned, [life(100, 1)]), life(100, 1), 'nothing shows that it is kin');
  const recent = life(9000 - BOOTS_KEPT + 1, 1);
  deepEqual(lifeMissingIn(pinned, [life(90, 77), recent]), recent, 'the words reach that far');
});
