/** A run that contains everything, crashed at each of its effects. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { type Content, named, randomWrites, ShardModel } from './state-model.ts';
import { MemoryMedium, put, StateRig } from './state-rig.ts';

/** One effect in so many. */
const SAMPLED = byEffort({ full: 1, brief: 5 });
const GIVER = 1 as ShardId;
const TAKER = 2 as ShardId;
const LEAVER = 3 as ShardId;

class Death extends Error {}

/** The former state, and the possible next one. */
class History {
  readonly models = new Map([GIVER, TAKER, LEAVER].map((shard) => [shard, new ShardModel(shard)]));
  isLeaving = false;
  /** Called when a switch was requested: from now on either state may be on disk. */
  taken: { readonly index: number; readonly content: Content } | undefined;

  model(shard: ShardId): ShardModel {
    const model = this.models.get(shard);
    assert.ok(model);
    return model;
  }
}

/** Checkpoints, a snapshot from one shard to another, the switch, clearing, and a removed shard. */
async function live(rig: StateRig, history: History): Promise<void> {
  const random = new Random(5);
  const apply = (shard: ShardId, entries: number) => {
    for (let entry = 0; entry < entries; entry++) {
      const writes = randomWrites(random);
      rig.apply(writes, shard);
      history.model(shard).apply(writes);
    }
  };
  await rig.open();
  for (const shard of [GIVER, TAKER, LEAVER]) rig.create(shard);
  apply(GIVER, 30);
  apply(TAKER, 10);
  await rig.checkpoint();
  apply(GIVER, 10);
  apply(TAKER, 5);
  apply(LEAVER, 10);
  await rig.checkpoint();
  const exported = await rig.exportAll(GIVER, 300);
  apply(TAKER, 3);
  const given = rig.store.install(TAKER, exported.description);
  await rig.feed(given, exported.bytes.subarray(0, 2000), 500);
  apply(GIVER, 3);
  history.taken = { index: 40, content: history.model(GIVER).at(40) };
  await rig.installAll(exported, TAKER);
  history.model(TAKER).jump(40, history.taken.content);
  apply(TAKER, 4);
  history.isLeaving = true;
  rig.store.drop(LEAVER);
  await rig.checkpoint();
  apply(GIVER, 1);
  await rig.checkpoint();
}

async function checkAfter(rig: StateRig, history: History): Promise<void> {
  const rows: string[] = [];
  for (const shard of rig.store.shards) {
    const model = history.model(shard);
    const { index } = rig.store.description(shard);
    assert.ok(index >= (rig.reported.get(shard) ?? 0), 'what was reported is there');
    if (shard === TAKER && index === 40 && history.taken) model.jump(40, history.taken.content);
    const found: string[] = [];
    for (const section of [0, 1, 15]) {
      found.push(...named(section, await rig.scanNow({ section }, shard)));
    }
    assert.deepEqual(found, model.at(index));
    rows.push(...found);
    const twin = new StateRig(new MemoryMedium());
    await twin.open();
    twin.create();
    for (const row of found) {
      const [section = '', key = '', value = ''] = row.split(' ');
      const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
      const write = { section: Number.parseInt(section, 16), key: bytes(key), value: bytes(value) };
      twin.apply([write]);
    }
    assert.deepEqual(rig.store.hash(shard), twin.store.hash(twin.store.shards[0] as ShardId));
  }
  if (!history.isLeaving) {
    const missing = [GIVER, TAKER, LEAVER].filter((shard) => !rig.store.shards.includes(shard));
    for (const shard of missing) assert.equal(rig.reported.has(shard), false);
  }
  await rig.until(() => rig.store.isIdle, 'clearing');
  assert.ok(rig.medium instanceof MemoryMedium);
  const kept = rig.medium.state.rows().filter(([key]) => key[0] === 3);
  assert.equal(kept.length, rows.length, 'nothing is left of other generations');
}

async function dieAt(effect: number, keepsUnfinished: boolean): Promise<number> {
  let seen = 0;
  let isMortal = true;
  const medium = new MemoryMedium(() => {
    if (isMortal && seen++ === effect) throw new Death();
  });
  const rig = new StateRig(medium);
  const history = new History();
  try {
    await live(rig, history);
  } catch (error) {
    if (!(error instanceof Death)) throw error;
  }
  isMortal = false;
  medium.state.crash({ keepsUnfinished });
  await rig.open();
  await checkAfter(rig, history);
  // The store continues from there.
  for (const shard of rig.store.shards) {
    const writes = [put('after', 'all')];
    history.model(shard).back(rig.store.description(shard).index);
    history.model(shard).apply(writes);
    rig.apply(writes, shard);
  }
  await rig.checkpoint();
  await rig.reopen();
  await checkAfter(rig, history);
  assert.deepEqual([rig.damages, rig.faults], [[], []]);
  return seen;
}

test('a crash at any effect leaves each shard at a state it had, and nothing else', async (t) => {
  const effects = await dieAt(Number.POSITIVE_INFINITY, false);
  assert.ok(effects > 30, `only ${effects} effects`);
  for (let effect = 0; effect < effects; effect += SAMPLED) {
    for (const keepsUnfinished of [false, true]) await dieAt(effect, keepsUnfinished);
  }
  t.diagnostic(
    `${effects} effects, one in ${SAMPLED} of them twice: with the unfinished batch and without`,
  );
});
