/**
 * Replay and snapshot end in the same state and give the same replies: nothing that the machine
 * knows is outside its sections, and nothing depends on how it came there.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Machine } from '../../src/machine/machine.ts';
import { SECTION } from '../../src/machine/section.ts';
import { LevelMedium, type Medium, MemoryMedium, SHARD, StateRig } from '../storage/state-rig.ts';
import { casesByEffort } from '../support/effort.ts';
import { CoordinationReference } from './coordination-reference.ts';
import { CoordinationTraffic } from './coordination-traffic.ts';
import { type Proposed, Traffic } from './traffic.ts';

const SEEDS = casesByEffort([1, 2, 3], { brief: 1 });
const ENTRIES = 2000;
/** About leases, locks and fences, in an epoch of their own. */
const COORDINATED = 1000;
const COORDINATED_EPOCH = 1_000_000;

function trafficOf(seed: number): readonly Pick<Proposed, 'payload'>[] {
  const traffic = new Traffic(new Random(seed));
  const list = [traffic.first(), ...Array.from({ length: ENTRIES }, () => traffic.next())];
  const time = Math.max(...list.map((entry) => entry.time));
  const start = { epoch: COORDINATED_EPOCH, time, index: list.length };
  const reference = new CoordinationReference();
  const coordinated = new CoordinationTraffic(new Random(seed), reference, start);
  const rest = Array.from({ length: COORDINATED }, () => coordinated.next());
  return [...list, coordinated.first(), ...rest];
}

/** A replica: a store, a machine on it, and what it replied. */
class Replica {
  readonly rig: StateRig;
  machine: Machine;
  replies: string[] = [];

  constructor(rig: StateRig) {
    this.rig = rig;
    this.machine = this.#newMachine();
  }

  static async open(medium: Medium): Promise<Replica> {
    const rig = new StateRig(medium);
    await rig.open();
    rig.create();
    return new Replica(rig);
  }

  #newMachine(): Machine {
    const get = (section: number, key: Uint8Array) => this.rig.store.get(SHARD, section, key);
    return new Machine({ source: { get } });
  }

  apply(list: readonly Pick<Proposed, 'payload'>[]): void {
    for (const { payload } of list) {
      const index = this.rig.store.description(SHARD).index + 1;
      const outcome = this.machine.apply({ index, payload });
      assert.ok(outcome.type === 'applied');
      this.rig.apply(outcome.writes);
      this.replies.push(outcome.replies.map((bytes) => Buffer.from(bytes).toString('hex')).join());
    }
  }

  /** As after a kill: what was in memory is gone, and the log is replayed from the checkpoint. */
  async restart(list: readonly Pick<Proposed, 'payload'>[]): Promise<void> {
    await this.rig.reopen();
    this.machine = this.#newMachine();
    const { index } = this.rig.store.description(SHARD);
    this.replies.length = index;
    this.apply(list.slice(index));
  }

  async becomeCopyOf(other: Replica): Promise<void> {
    await this.rig.installAll(await other.rig.exportAll());
    this.machine = this.#newMachine();
  }
}

function assertAlike(one: Replica, other: Replica): void {
  assert.deepEqual(one.rig.store.hash(SHARD), other.rig.store.hash(SHARD));
  assert.deepEqual(one.machine.metadata, other.machine.metadata);
}

const MEDIA: readonly (() => Medium)[] = [() => new MemoryMedium(), () => new LevelMedium()];

for (const newMedium of MEDIA) {
  const { name } = newMedium();
  for (const seed of SEEDS) {
    test(`${name}, seed ${seed}: from zero, from a snapshot and after a crash alike`, async () => {
      const list = trafficOf(seed);
      const half = Math.floor(list.length * (0.3 + 0.2 * seed));
      const [whole, source, target] = [
        await Replica.open(newMedium()),
        await Replica.open(newMedium()),
        await Replica.open(newMedium()),
      ];
      const sections = new Set<number>();
      for (let from = 0; from < list.length; from += 100) {
        whole.apply(list.slice(from, from + 100));
        for (const { section } of whole.rig.store.hash(SHARD) ?? []) sections.add(section);
      }

      source.apply(list.slice(0, half));
      await source.rig.checkpoint();
      target.apply(list.slice(0, 5));
      await target.becomeCopyOf(source);
      assertAlike(source, target);
      target.apply(list.slice(half));
      assertAlike(whole, target);
      assert.deepEqual(target.replies.slice(5), whole.replies.slice(half));

      source.apply(list.slice(half, half + 300));
      await source.restart(list);
      assertAlike(whole, source);
      assert.deepEqual(source.replies, whole.replies);

      const all = Object.values(SECTION);
      assert.deepEqual(
        [...sections].sort((one, other) => one - other),
        all,
      );
      for (const { rig } of [whole, source, target]) {
        await rig.close();
        rig.medium.dispose();
      }
    });
  }
}
