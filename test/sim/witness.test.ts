/** The witness detects a wrong answer, an outdated answer, and a false report of a failure. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import type { Call } from './clients.ts';
import { Invariants } from './invariants.ts';
import { digestOf, type OperationKind, type Values } from './operation.ts';
import { judgeByWitness } from './witness.ts';

const SHARD = 1 as ShardId;

interface Sketch {
  readonly id: number;
  readonly kind: OperationKind;
  readonly from: number;
  readonly to: number;
  readonly index: number;
  readonly values?: Values;
  readonly expected?: Values;
  readonly isDone?: boolean;
  readonly outcome?: Call['outcome'];
  readonly isApplied?: boolean;
}

function judge(sketches: readonly Sketch[]): void {
  const invariants = new Invariants({
    limits: RAFT_LIMITS,
    now: () => 0,
    durableOf: () => undefined,
  });
  const { indexOfOperation } = invariants.truthOf(SHARD);
  const history = sketches.map((sketch): Call => {
    const { id, kind, from, to, index, values, expected = [], isDone = true } = sketch;
    const isApplied = sketch.isApplied ?? (kind !== 'read' && sketch.outcome === undefined);
    if (isApplied) indexOfOperation.set(id, index);
    return {
      client: id,
      shard: SHARD,
      operation: { id, kind, key: 0, value: id, expected: digestOf(expected) },
      expected,
      invoke: from,
      end: to,
      outcome: sketch.outcome ?? 'ok',
      reply: values === undefined ? undefined : { isDone, values },
      index,
    };
  });
  judgeByWitness(history, invariants);
}

const WRITE: Sketch = { id: 1, kind: 'write', from: 0, to: 10, index: 5, values: [1] };
const APPEND: Sketch = { id: 2, kind: 'append', from: 20, to: 30, index: 6, values: [1, 2] };

test('a sound history passes', () => {
  const cas: Sketch = {
    ...{ id: 3, kind: 'cas', from: 40, to: 50, index: 7 },
    ...{ expected: [1], isDone: false, values: [1, 2] },
  };
  judge([WRITE, APPEND, cas, { id: 4, kind: 'read', from: 60, to: 70, index: 7, values: [1, 2] }]);
});

test('a wrong value is detected', () => {
  const read: Sketch = { id: 3, kind: 'read', from: 40, to: 50, index: 6, values: [1] };
  assert.throws(() => judge([WRITE, APPEND, read]), /a read was answered with what/);
});

test('an outdated read is detected, even if its value was once right', () => {
  const read: Sketch = { id: 3, kind: 'read', from: 40, to: 50, index: 5, values: [1] };
  assert.throws(() => judge([WRITE, APPEND, read]), /a read saw the past|came too late/);
});

test('an operation that is applied before it was invoked is detected', () => {
  const late: Sketch = { ...WRITE, from: 40, to: 50 };
  assert.throws(() => judge([late, { ...APPEND, to: 35 }]), /came too late/);
});

test('an operation that failed and was applied all the same is detected', () => {
  const failed: Sketch = { ...WRITE, outcome: 'failed', isApplied: true };
  assert.throws(() => judge([failed]), /was reported as failed/);
});

test('an answer for another position than its own is detected', () => {
  const lost: Sketch = { ...WRITE, isApplied: false };
  assert.throws(() => judge([lost]), /another position/);
});

test('an unknown operation may have been applied or not', () => {
  const unknown = { ...WRITE, outcome: 'unknown' as const, to: Number.POSITIVE_INFINITY };
  judge([{ ...unknown, isApplied: true }, APPEND]);
  judge([
    { ...unknown, isApplied: false },
    { ...APPEND, values: [2] },
  ]);
});
