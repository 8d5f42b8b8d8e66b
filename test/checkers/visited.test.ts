/** The set of placed operations and the memo against plain sets of text. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { type Placed, PlacedSet, Visited } from './visited.ts';

const SIZE = 300;

/** A stretch of a set that fills from below, as a search leaves it. */
function change(random: Random, set: PlacedSet, members: Set<number>): void {
  const base = random.below(SIZE - 40);
  const integer = random.chance(0.2) ? random.below(SIZE) : base + random.below(40);
  if (set.has(integer)) {
    set.remove(integer);
    members.delete(integer);
  } else {
    set.add(integer);
    members.add(integer);
  }
}

function textOf(members: ReadonlySet<number>): string {
  return [...members].sort((one, other) => one - other).join();
}

for (const pinned of [0, 64]) {
  test(`a set with ${pinned} pinned integers has one window and one hash, however made`, () => {
    const random = new Random(pinned);
    for (let round = 0; round < 200; round++) {
      const set = new PlacedSet(SIZE, pinned);
      const members = new Set<number>();
      const filled = random.below(SIZE);
      for (let integer = 0; integer < filled; integer++) {
        set.add(integer);
        members.add(integer);
      }
      for (let step = 0; step < 60; step++) change(random, set, members);
      const direct = new PlacedSet(SIZE, pinned);
      for (const integer of random.shuffle([...members])) direct.add(integer);
      const facts = ({ low, high, hash, otherHash, words }: Placed) => [
        low,
        high,
        hash,
        otherHash,
        ...words,
      ];
      assert.deepEqual(facts(set), facts(direct));
    }
  });
}

for (const isColliding of [false, true]) {
  const sentence = isColliding ? 'even if all hashes collide' : 'as plain text does';
  test(`the memo tells pairs of a set and a state apart, ${sentence}`, () => {
    const random = new Random(7);
    const set = new PlacedSet(SIZE, 32);
    const members = new Set<number>();
    const visited = new Visited();
    const expected = new Set<string>();
    for (let step = 0; step < 3000; step++) {
      change(random, set, members);
      if (random.chance(0.5)) change(random, set, members);
      const state = random.below(3);
      const { pinnedWords, words, low, high } = set;
      // Takes back what the memo mixes in for the state.
      const hash = Math.imul(state + 1, 0x9e3779b1);
      const collided: Placed = { pinnedWords, words, low, high, hash, otherHash: 0 };
      const text = `${textOf(members)} ${state}`;
      assert.equal(visited.add(isColliding ? collided : set, state), !expected.has(text));
      expected.add(text);
      assert.equal(visited.add(isColliding ? collided : set, state), false);
    }
  });
}
