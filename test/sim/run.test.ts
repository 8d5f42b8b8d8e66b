/** The simulator itself: one seed gives one run; and a broken core is caught. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Raft } from '../../src/raft/raft.ts';
import { byEffort } from '../support/effort.ts';
import { PROFILES } from './profiles.ts';
import { runSeed } from './run.ts';

const OVERRIDES = { seconds: byEffort({ full: 15, brief: 4 }), shards: 2, nodes: 3 };

test('the same seed gives the same run, another seed another one', () => {
  const run = (seed: number) => runSeed({ profile: 'raft', seed, overrides: OVERRIDES });
  const [one, again, other] = [run(1), run(1), run(2)];
  assert.equal(one.failure, undefined);
  assert.equal(one.traceHash, again.traceHash);
  assert.equal(one.events, again.events);
  assert.notEqual(one.traceHash, other.traceHash);
});

test('every profile runs', () => {
  for (const profile of Object.keys(PROFILES)) {
    const { failure, operations } = runSeed({ profile, seed: 3, overrides: OVERRIDES });
    assert.equal(failure, undefined, profile);
    assert.ok(operations.ok > 0, profile);
  }
});

test('ambient time cannot be used during a run, and works again after it', () => {
  const { take } = Raft.prototype;
  Raft.prototype.take = function (this: Raft) {
    Date.now();
    return take.call(this);
  };
  try {
    const { failure } = runSeed({ profile: 'lite', seed: 1, overrides: OVERRIDES });
    assert.equal(failure?.oracle, 'exception');
    assert.match(failure.message, /ambient now/);
  } finally {
    Raft.prototype.take = take;
  }
  assert.ok(Date.now() > 0);
});

test('a core that answers reads without a round is caught', () => {
  const { step, take } = Raft.prototype;
  const granted = new Map<Raft, number[]>();
  Raft.prototype.step = function (this: Raft, event) {
    const outcome = step.call(this, event);
    if (event.type === 'read') {
      granted.set(this, [...(granted.get(this) ?? []), event.id]);
      return { type: 'taken', position: undefined };
    }
    return outcome;
  };
  Raft.prototype.take = function (this: Raft) {
    const ready = take.call(this);
    const ids = granted.get(this) ?? [];
    granted.delete(this);
    const reads = ids.map((id) => ({ type: 'granted' as const, id, index: 0 }));
    return { ...ready, reads };
  };
  try {
    const seeds = [1, 2, 3, 4, 5, 6];
    const oracles = seeds.map(
      (seed) => runSeed({ profile: 'network', seed, overrides: OVERRIDES }).failure?.oracle,
    );
    assert.ok(oracles.includes('witness') || oracles.includes('reads'), String(oracles));
  } finally {
    Raft.prototype.step = step;
    Raft.prototype.take = take;
  }
});
