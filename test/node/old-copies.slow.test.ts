/** Old copies of a data folder: what they would lose, and what may still start. */

import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from '../cluster/stage.ts';

/** A node starts, and the others have time to hear of it. */
const SETTLED_MILLISECONDS = 4000;

function crashAll(stage: Stage): void {
  for (const computer of stage.computers) computer.crash({ isPower: true });
}

for (const seed of [1, 2, 3]) {
  test(`an old copy loses no acknowledged write, seed ${seed}`, () => {
    const stage = new Stage(seed, { nodes: 3, shards: 1 });
    const [one, two, three] = [stage.computer(1), stage.computer(2), stage.computer(3)];
    stage.put({ count: 1, atOnce: 1, value: 'before' });
    two.crash({ isPower: false });
    const copy = two.copyFolder();
    two.start();
    stage.run(SETTLED_MILLISECONDS);
    // What is acknowledged now is on nodes 1 and 2 alone.
    three.crash({ isPower: false });
    stage.run(1000);
    stage.put({ count: 1, atOnce: 1, value: 'acknowledged' });
    two.crash({ isPower: false });
    one.lose();
    two.putBack(copy);
    two.start();
    three.start();
    stage.until('the copy is refused', () => two.refusal !== '', 5000);
    match(two.refusal, /older-copy|does not know of/);
    two.start();
    equal(two.isUp, false, 'it stays refused');
    equal(stage.read('row 0'), 'no answer', 'what is lost with two of three nodes is not made up');
  });
}

test('an old copy whose map names only nodes that are gone is refused', () => {
  const stage = new Stage(17, { nodes: 3, shards: 1 });
  const three = stage.computer(3);
  stage.run(SETTLED_MILLISECONDS);
  const copy = three.copyFolder();
  three.crash({ isPower: false });
  three.start();
  stage.run(SETTLED_MILLISECONDS);
  stage.replaceDisk(1);
  stage.replaceDisk(2);
  three.crash({ isPower: false });
  three.putBack(copy);
  three.start();
  stage.until('the copy is refused', () => three.refusal !== '', 20_000);
});

test('a copy of a running node starts elsewhere, and the original continues', () => {
  const stage = new Stage(4, { nodes: 3, shards: 2 });
  stage.run(1000);
  const twin = stage.addTwin(stage.computer(2).copyFolder());
  stage.writeOn();
  stage.run(2000);
  const { ok: written, failed } = stage.servedIn(5000);
  ok(written > 100 && failed === 0, `${written} written, ${failed} failed`);
  match(twin.core?.ownLife.reason ?? '', /still-running: node \d hears node \d elsewhere/);
  equal(twin.core?.state.replicas.size, 0, 'it vouches for nothing');
  equal(stage.computer(2).isUp, true);
  // Its hello was not taken for the node's newest life.
  stage.computer(2).crash({ isPower: false });
  twin.crash({ isPower: false });
  stage.computer(2).start();
  const confirmed = () => stage.computer(2).core?.ownLife.isConfirmed === true;
  stage.until('the original is back', confirmed, 2000);
});

test('a copy that is refused for long because the original runs ends for good', () => {
  const stage = new Stage(5, { nodes: 3, shards: 1 });
  stage.run(1000);
  const twin = stage.addTwin(stage.computer(2).copyFolder());
  stage.until('the copy is refused', () => twin.refusal !== '', 90_000);
  match(twin.refusal, /still-running/);
});

test('after a power failure of all nodes, they form a majority again', () => {
  for (const seed of [6, 7, 8]) {
    const stage = new Stage(seed, { nodes: 3, shards: 2 });
    stage.put({ count: 20, atOnce: 4, value: 'kept' });
    crashAll(stage);
    for (const computer of stage.computers) computer.start();
    stage.until('a write is done', () => stage.isServed(), 10_000);
    equal(stage.read('row 3'), 'kept');
  }
});

test('after a power failure of all nodes, two of three continue without the third', () => {
  for (const seed of [9, 10, 11]) {
    const stage = new Stage(seed, { nodes: 3, shards: 2 });
    stage.put({ count: 20, atOnce: 4, value: 'kept' });
    crashAll(stage);
    stage.computer((seed % 3) + 1).lose();
    // One after the other, as people start them.
    for (const computer of stage.computers) {
      computer.start();
      stage.run(2500);
    }
    stage.until('a write is done', () => stage.isServed(), 10_000);
    equal(stage.read('row 3'), 'kept');
  }
});

test('a restart costs one round trip and one sync', () => {
  const stage = new Stage(12, { nodes: 3, shards: 2 });
  stage.run(1000);
  for (const computer of stage.computers) {
    let milliseconds = Number.POSITIVE_INFINITY;
    computer.onConfirmed = (took) => {
      milliseconds = took;
    };
    computer.crash({ isPower: false });
    stage.run(1000);
    computer.start();
    stage.run(1000);
    // In virtual time, with at most a millisecond from node to node and some for each sync.
    ok(milliseconds < 50, `it took ${milliseconds} ms`);
  }
});
