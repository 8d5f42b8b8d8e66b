/** Random runs of a store against plain sorted arrays, on LevelDB and on its twin. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { StateView } from '../../src/storage/state/state.ts';
import { byEffort } from '../support/effort.ts';
import {
  type Content,
  hex,
  named,
  randomRange,
  randomWrites,
  ShardModel,
  scanOf,
} from './state-model.ts';
import { LevelMedium, type Medium, MemoryMedium, StateRig } from './state-rig.ts';

const SHARDS = [1, 2] as ShardId[];

interface Held {
  readonly view: StateView;
  readonly content: Content;
}

/** One store, its expected content, and the open views. */
class Life {
  readonly #random: Random;
  readonly rig: StateRig;
  readonly #models = SHARDS.map((shard) => new ShardModel(shard));
  #held: Held[] = [];

  constructor(medium: Medium, seed: number) {
    this.#random = new Random(seed);
    this.rig = new StateRig(medium);
  }

  async run(steps: number): Promise<void> {
    await this.rig.open();
    for (const shard of SHARDS) this.rig.create(shard);
    await this.rig.checkpoint();
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#reopen();
    for (const model of this.#models) await this.#checkWhole(model);
    await this.rig.close();
    assert.deepEqual([this.rig.damages, this.rig.faults], [[], []]);
    this.rig.medium.dispose();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const model = random.pick(this.#models);
    const choice = random.below(100);
    if (choice < 50) this.#apply(model);
    else if (choice < 65) await this.rig.turn();
    else if (choice < 75) this.#read(model);
    else if (choice < 82) await this.#scan(model);
    else if (choice < 86) this.#hold(model);
    else if (choice < 90) await this.#look();
    else if (choice < 94) this.rig.store.checkpoint();
    else if (choice < 96) await this.#checkWhole(model);
    else if (choice < 98) await this.#move();
    else if (choice < 99) await this.#reopen();
    else await this.#checkpoint();
  }

  #apply(model: ShardModel): void {
    const writes = randomWrites(this.#random);
    // A machine mostly reads before it writes, and the store caches what it read.
    for (const { section, key } of writes) {
      if (this.#random.chance(0.5)) this.rig.store.get(model.shard, section, key);
    }
    model.apply(writes);
    assert.equal(this.rig.apply(writes, model.shard), model.index);
    // The log is sometimes slower than the machine.
    const slack = this.#random.below(3);
    this.rig.durable.set(model.shard, Math.max(0, model.index - slack));
  }

  #read(model: ShardModel): void {
    const row = this.#random.pick([...model.content, '00 6162 ']);
    const [section = '', key = ''] = row.split(' ');
    const room = Number.parseInt(section, 16);
    const value = this.rig.store.get(model.shard, room, Buffer.from(key, 'hex'));
    const expected = model.content.find((each) => each.startsWith(`${section} ${key} `));
    const found = value === undefined ? undefined : `${section} ${key} ${hex(value)}`;
    assert.equal(found, expected);
  }

  async #scan(model: ShardModel): Promise<void> {
    const range = randomRange(this.#random);
    const rows = await this.rig.scanNow(range, model.shard);
    assert.deepEqual(named(range.section, rows), scanOf(model.content, range));
  }

  #hold(model: ShardModel): void {
    if (this.#held.length >= 5) this.#held.shift()?.view.close();
    this.#held.push({ view: this.rig.store.view(model.shard), content: model.content });
  }

  async #look(): Promise<void> {
    for (const { view, content } of this.#held) {
      const range = randomRange(this.#random);
      const rows = await this.rig.scan(view, range);
      assert.deepEqual(named(range.section, rows), scanOf(content, range));
    }
  }

  async #checkWhole(model: ShardModel): Promise<void> {
    const found: string[] = [];
    for (const section of [0, 1, 15]) {
      found.push(...named(section, await this.rig.scanNow({ section }, model.shard)));
    }
    assert.deepEqual(found, model.content);
    assert.deepEqual(this.rig.store.hash(model.shard), hashFromZero(model.content));
  }

  /** One shard receives the state of the other. */
  async #move(): Promise<void> {
    const [from, to] = this.#random.shuffle(this.#models) as [ShardModel, ShardModel];
    await this.#checkpoint();
    if (from.index <= to.index) return;
    const piece = this.#random.between(1, 5000);
    const exported = await this.rig.exportAll(from.shard, piece);
    await this.rig.installAll(exported, to.shard);
    to.jump(from.index, from.content);
  }

  async #checkpoint(): Promise<void> {
    for (const { shard, index } of this.#models) this.rig.durable.set(shard, index);
    await this.rig.checkpoint();
  }

  async #reopen(): Promise<void> {
    const reported = new Map(this.rig.reported);
    for (const { view } of this.#held) view.close();
    this.#held = [];
    await this.rig.reopen();
    for (const model of this.#models) {
      const { index } = this.rig.store.description(model.shard);
      assert.ok(index >= (reported.get(model.shard) ?? 0), 'what was reported is there');
      model.back(index);
      await this.#checkWhole(model);
    }
  }
}

/** The hash of a store that received all rows at once. */
function hashFromZero(content: Content): unknown {
  const medium = new MemoryMedium();
  const rig = new StateRig(medium);
  rig.openOn(medium.openNow());
  rig.create();
  const writes = content.map((row) => {
    const [section = '', key = '', value = ''] = row.split(' ');
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
    return { section: Number.parseInt(section, 16), key: bytes(key), value: bytes(value) };
  });
  rig.apply(writes);
  return rig.store.hash(rig.store.shards[0] as ShardId);
}

for (let seed = 1; seed <= byEffort({ full: 40, brief: 6 }); seed++) {
  test(`the twin behaves like a sorted array, seed ${seed}`, () =>
    new Life(new MemoryMedium(), seed).run(400));
}

for (let seed = 1; seed <= byEffort({ full: 4, brief: 1 }); seed++) {
  test(`LevelDB behaves like a sorted array, seed ${seed}`, () =>
    new Life(new LevelMedium(), seed).run(300));
}
