/**
 * Whole stories of steps that come late, and after the client was forgotten: what was told to a
 * participant once stays true.
 */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { put, START } from './machine-rig.ts';
import { OUTLIVED, PATIENCE, TransactionRig } from './transaction-rig.ts';

const SHORT = START + 10;

test('a late commit of a client that acknowledged and was forgotten has no effect', () => {
  // The client gave up and went on; a participant asked, and dropped what it had prepared.
  const home = new TransactionRig();
  home.acknowledge(20, SHORT);
  equal(home.abort(), 'refused acknowledged at 0');
  home.pass(OUTLIVED + 10);
  home.forget();
  equal(home.commit([put('a', 'x')]), 'refused acknowledged at 0');
  equal(home.shard.value('a'), undefined);
});

test('neither has one whose part at home was dropped then', () => {
  const home = new TransactionRig();
  home.prepare([put('a', 'x')], { at: 0, deadline: SHORT });
  home.acknowledge(20, SHORT);
  equal(home.abort(), 'refused acknowledged at 0');
  home.pass(OUTLIVED + 10);
  home.forget();
  equal(home.commit([], { versions: [2, 60] }), 'refused acknowledged at 0');
});

test('a client without an acknowledgement may still commit after it was forgotten', () => {
  const home = new TransactionRig();
  home.acknowledge(20, SHORT);
  home.pass(OUTLIVED + 10);
  home.forget();
  equal(home.commit([put('a', 'x')]), 'committed at 4 900');
  equal(home.abort(), 'committed at 4 900');
});

test('an abort that was reported stays final until the last deadline', () => {
  const home = new TransactionRig();
  equal(home.abort(), 'refused aborted at 0');
  home.clear();
  home.pass(PATIENCE);
  home.forget();
  equal(home.commit([put('a', 'x')]), 'refused aborted at 0');
  home.pass(1);
  home.forget();
  equal(home.shard.session(2), undefined);
  equal(home.commit([put('a', 'x')]), 'refused deadline-passed at 0');
});

test('a second coordinator gets no `done` for a dropped part', () => {
  const home = new TransactionRig();
  const part = new TransactionRig();
  equal(part.prepare([put('b', 'x')]), 'done at 2');
  equal(home.abort(), 'refused aborted at 0');
  part.resolve(false);
  equal(part.prepare([put('b', 'x')]), 'refused aborted at 0');
  equal(home.commit([put('a', 'x')]), 'refused aborted at 0');
});

test('a part that becomes ready late leads to a question, and is dropped', () => {
  // Its refusal could not be remembered: the abort names no deadline.
  const home = new TransactionRig();
  const part = new TransactionRig();
  home.abort();
  part.resolve(false, { deadline: 0 });
  equal(part.prepare([put('b', 'x')]), 'done at 3');
  equal(home.commit([put('a', 'x')]), 'refused aborted at 0');
  equal(home.abort(), 'refused aborted at 0');
  part.resolve(false);
  equal(part.prepared, 0);
  equal(part.shard.value('b'), undefined);
});

test('two coordinators with one transaction commit it once', () => {
  const home = new TransactionRig();
  const part = new TransactionRig();
  equal(part.prepare([put('b', 'x')]), 'done at 2');
  equal(part.prepare([put('b', 'x')]), 'done at 2');
  const first = home.commit([put('a', 'x')], { versions: [2] });
  equal(first, 'committed at 2 2');
  part.resolve(true);
  equal(part.prepare([put('b', 'x')]), 'refused aborted at 0');
  equal(home.abort(), first);
  part.resolve(true);
  home.clear();
  equal(home.commit([put('a', 'x')], { versions: [2] }), first);
  equal(home.shard.row('a')?.version, 2);
  equal(part.shard.row('b')?.version, 2);
});

test('the home shard reports a commit until the last participant has acknowledged it', () => {
  const home = new TransactionRig();
  const part = new TransactionRig();
  part.prepare([put('b', 'x')]);
  home.commit([put('a', 'x')]);
  home.acknowledge();
  home.pass(2 * PATIENCE);
  home.forget();
  equal(home.abort(), 'committed at ');
  part.pass(2 * PATIENCE);
  part.forget();
  part.resolve(true);
  equal(part.shard.value('b'), 'x');
  home.clear();
  equal(home.abort(), 'refused deadline-passed at 0');
});
