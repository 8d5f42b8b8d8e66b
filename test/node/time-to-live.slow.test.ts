/** A key with a time to live expires, however often the nodes of an idle shard restart. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import { bytesOf } from '../cluster/customer.ts';
import { Stage } from '../cluster/stage.ts';

const LIFE_MILLISECONDS = 60_000;
const NODES = 3;
/** All data is in one shard. */
const SHARD = 1 as ShardId;
/** What a restart may lose: the time since the last stamp, an election, one round of the sweep. */
const LOSS_MILLISECONDS = NODE_LIMITS.timeStampMilliseconds + 1000;
const LATENESS_MILLISECONDS = 1000;

/** Whether a leader has it; undefined while there is none. */
function isThere(stage: Stage): boolean | undefined {
  const leader = stage.leaderOf(SHARD);
  const core = leader === 0 ? undefined : stage.computer(leader).core;
  if (core?.state.replicas.get(SHARD)?.isCurrent !== true) return undefined;
  return core.state.store.get(SHARD, SECTION.values, bytesOf('row 0')) !== undefined;
}

/** Restarts until the key has expired; returns how long it lived, and the number of restarts. */
function live(stage: Stage, restart: (time: number) => void) {
  const began = stage.agenda.now;
  const lifeMilliseconds = LIFE_MILLISECONDS;
  stage.put({ count: 1, atOnce: 1, value: 'x', lifeMilliseconds });
  let restarts = 0;
  for (;;) {
    restart(restarts);
    restarts += 1;
    let state: boolean | undefined;
    const look = () => {
      state = isThere(stage);
      return state !== undefined;
    };
    stage.until('a leader is there', look, 10_000);
    if (state === false) return { milliseconds: stage.agenda.now - began, restarts };
    ok(stage.agenda.now - began < 10 * LIFE_MILLISECONDS, 'it goes some time');
  }
}

function restartOf(stage: Stage, node: number): void {
  stage.computer(node).crash({ isPower: false });
  stage.computer(node).start();
}

test('nodes that restart one after the other every few seconds do not keep a key alive', () => {
  const stage = new Stage(3, { nodes: NODES, shards: 1 });
  const { milliseconds, restarts } = live(stage, (time) => {
    restartOf(stage, 1 + (time % NODES));
    stage.run(3000);
  });
  ok(milliseconds >= LIFE_MILLISECONDS, `never early: ${milliseconds} ms`);
  // A leader that restarts is one in three, and mostly another one goes on that knows the time.
  const bound = LIFE_MILLISECONDS + LATENESS_MILLISECONDS + restarts * (LOSS_MILLISECONDS / 3);
  ok(milliseconds < bound, `${milliseconds} ms after ${restarts} restarts`);
});

test('nodes that all restart at once lose no more than since the last stamp', () => {
  const stage = new Stage(4, { nodes: NODES, shards: 1 });
  const { milliseconds, restarts } = live(stage, () => {
    for (let node = 1; node <= NODES; node++) restartOf(stage, node);
    stage.run(8000);
  });
  ok(milliseconds >= LIFE_MILLISECONDS, `never early: ${milliseconds} ms`);
  const bound = LIFE_MILLISECONDS + LATENESS_MILLISECONDS + restarts * LOSS_MILLISECONDS + 8000;
  ok(milliseconds < bound, `${milliseconds} ms after ${restarts} restarts`);
});

test('a shard without keys that expire stays quiescent', () => {
  const stage = new Stage(5, { nodes: NODES, shards: 1 });
  stage.put({ count: 1, atOnce: 1, value: 'x' });
  // The session of the client is removed at some time.
  stage.run(60_000);
  const before = stage.computer(1).core?.state.replicas.get(SHARD)?.status().last.index;
  stage.run(60_000);
  equal(stage.computer(1).core?.state.replicas.get(SHARD)?.status().last.index, before);
});
