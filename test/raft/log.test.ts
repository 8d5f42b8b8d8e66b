/** The log against a plain array, through random appends, cuts, restarts and durability reports. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { RaftLog } from '../../src/raft/log.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import type { Position } from '../../src/raft/position.ts';

const LIVES = 300;
const STEPS = 60;

/** What a log should be: a base, every entry behind it, and how far the disk is. */
class Model {
  base: Position = { index: 0, term: 0 };
  entries: LogEntry[] = [];
  durable = 0;

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  get lastTerm(): number {
    return this.entries.at(-1)?.term ?? this.base.term;
  }

  termAt(index: number): number | undefined {
    if (index === this.base.index) return this.base.term;
    return this.entries[index - this.base.index - 1]?.term;
  }

  read(from: number, to: number): LogEntry[] {
    return this.entries.slice(from - this.base.index - 1, to - this.base.index);
  }
}

function openLog(model: Model): RaftLog {
  const reader = {
    read: (range: { from: number; to: number }) => model.read(range.from, range.to),
  };
  const { base } = model;
  return new RaftLog(reader, { base, runs: [], lastIndex: base.index, damaged: [] });
}

function grow(random: Random, model: Model, log: RaftLog): void {
  const entries: LogEntry[] = [];
  let term = Math.max(1, model.lastTerm);
  for (let count = random.between(1, 5); count > 0; count--) {
    if (random.chance(0.3)) term += random.between(1, 3);
    const index = model.lastIndex + 1 + entries.length;
    entries.push({ index, term, kind: 'command', payload: new Uint8Array(random.below(20)) });
  }
  log.append(entries);
  model.entries.push(...entries);
}

function step(random: Random, model: Model, log: RaftLog): void {
  const span = model.lastIndex - model.base.index;
  switch (random.below(6)) {
    case 0:
    case 1:
      return grow(random, model, log);
    case 2: {
      if (span === 0) return;
      const index = model.base.index + random.between(1, span);
      log.cutFrom(index);
      model.entries.length = index - model.base.index - 1;
      model.durable = Math.min(model.durable, index - 1);
      return;
    }
    case 3: {
      model.durable = random.between(model.durable, model.lastIndex);
      return log.markDurable(model.durable);
    }
    case 4: {
      const index = random.between(model.base.index, model.durable);
      const term = model.termAt(index) ?? 0;
      log.cutThrough(index);
      model.entries = model.read(index + 1, model.lastIndex);
      model.base = { index, term };
      return;
    }
    default: {
      if (random.chance(0.8)) return;
      model.base = { index: model.lastIndex + random.below(5), term: model.lastTerm + 1 };
      model.entries = [];
      model.durable = model.base.index;
      return log.restart(model.base);
    }
  }
}

function compare(random: Random, model: Model, log: RaftLog): void {
  assert.deepEqual(log.base, model.base);
  assert.deepEqual(log.last, { index: model.lastIndex, term: model.lastTerm });
  assert.equal(log.durable, model.durable);
  for (let index = model.base.index - 1; index <= model.lastIndex + 1; index++) {
    const expected = index < model.base.index ? undefined : model.termAt(index);
    assert.equal(log.termAt(index), expected, `the term at ${index}`);
  }
  if (model.lastIndex === model.base.index) return;
  const from = random.between(model.base.index + 1, model.lastIndex);
  const to = random.between(from, model.lastIndex);
  const entries = log.read({ from, to, bytesMax: 30 });
  assert.ok(Array.isArray(entries) && entries.length > 0);
  assert.deepEqual(entries, model.read(from, from + entries.length - 1));
}

test('a log answers like the array of its entries, after any operations', () => {
  for (let life = 0; life < LIVES; life++) {
    const random = new Random(life);
    const model = new Model();
    const log = openLog(model);
    for (let count = 0; count < STEPS; count++) {
      step(random, model, log);
      compare(random, model, log);
    }
  }
});

test('the hint for a rejected append is the last place that could agree', () => {
  const random = new Random(77);
  for (let life = 0; life < LIVES; life++) {
    const model = new Model();
    const log = openLog(model);
    for (let count = 0; count < 6; count++) grow(random, model, log);
    const asked = { index: random.between(1, 40), term: random.between(1, 20) };
    const hint = log.couldAgreeAt(asked);
    assert.equal(hint.term, model.termAt(hint.index));
    assert.ok(hint.term <= asked.term || hint.index === 0);
    for (let index = hint.index + 1; index <= Math.min(asked.index, model.lastIndex); index++) {
      assert.ok((model.termAt(index) ?? 0) > asked.term, 'nothing behind the hint could agree');
    }
  }
});

test('an entry larger than the budget is read alone', () => {
  const model = new Model();
  const log = openLog(model);
  const big = (index: number): LogEntry => {
    return { index, term: 1, kind: 'command', payload: new Uint8Array(100) };
  };
  log.append([big(1), big(2)]);
  assert.deepEqual(log.read({ from: 1, to: 2, bytesMax: 10 }), [big(1)]);
});

test('a damaged entry is not skipped', () => {
  const model = new Model();
  const log = openLog(model);
  const random = new Random(5);
  while (model.lastIndex < 6) grow(random, model, log);
  log.markDurable(model.lastIndex);
  log.markDamaged(3);
  const read = log.read({ from: 1, to: 6, bytesMax: 1000 });
  assert.equal(read.length, 2);
  assert.equal(log.read({ from: 3, to: 6, bytesMax: 1000 }), 'damaged');
  assert.equal(log.firstDamagedAfter(0), 3);
  log.markRepaired(3);
  assert.notEqual(log.read({ from: 3, to: 6, bytesMax: 1000 }), 'damaged');
});
