/** The open log and state store of one life of a node, and the driver's duties to them. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Log, ShardRecord } from '../../src/storage/log/log.ts';
import type { SnapshotInstall } from '../../src/storage/snapshot/snapshot-install.ts';
import type { StateStore } from '../../src/storage/state/state-store.ts';
import type { Host } from './host.ts';

/** Sometimes a report of the log is compared with the ledger: all of a shard is checked. */
const WATCH_CHANCE = 0.01;

/** Slices of work in one turn, at most. */
const SLICES_MAX = 100;

export class Storage {
  readonly log: Log;
  readonly state: StateStore;
  readonly #host: Host;
  /** Up to which index each shard's state is on disk: the log may truncate up to there. */
  readonly #saved = new Map<ShardId, number>();
  readonly #switching = new Set<ShardId>();
  readonly #leaving = new Set<ShardId>();
  #dead: ReadonlySet<MemberId> = new Set();
  #deadCount = -1;
  #hasWork = true;

  constructor(parts: { readonly host: Host; readonly log: Log; readonly state: StateStore }) {
    this.#host = parts.host;
    this.log = parts.log;
    this.state = parts.state;
    for (const shard of this.state.shards) {
      this.#saved.set(shard, this.state.description(shard).index);
    }
  }

  /** The ledger records it; `done` is called when it is durable. */
  append(records: readonly ShardRecord[], done: () => void): number {
    const { ledger, random, services } = this.#host;
    const number = ledger.hand(records);
    this.log.append(records, () => {
      ledger.acknowledge(number);
      const [record] = records;
      if (record !== undefined && random.chance(WATCH_CHANCE)) {
        services.probes.hit('storage compared while open');
        ledger.watch(this.log, record.shard);
      }
      this.#hasWork = true;
      done();
    });
    return number;
  }

  /** Members that ended here; they never start again. */
  isDead(member: MemberId): boolean {
    const { tombstones } = this.log;
    if (this.#deadCount !== tombstones.length) {
      this.#dead = new Set(tombstones.map((tombstone) => tombstone.member));
      this.#deadCount = tombstones.length;
    }
    return this.#dead.has(member);
  }

  savedOf(shard: ShardId): number {
    return this.#saved.get(shard) ?? 0;
  }

  save(shard: ShardId, index: number): void {
    this.#saved.set(shard, index);
  }

  checkpoint(): void {
    this.state.checkpoint();
    this.wake();
  }

  /** There may be work. */
  wake(): void {
    this.#hasWork = true;
  }

  /** The state store's work of a turn; returns whether there is more to do at once. */
  work(now: number): boolean {
    if (!this.#hasWork) return false;
    this.#hasWork = false;
    for (let slices = 0; slices < SLICES_MAX; slices++) {
      if (this.state.work(now) === 'later') return false;
      if (this.#host.services.buggify.fires('state-slice-later')) break;
    }
    this.#hasWork = true;
    return true;
  }

  isSwitching(shard: ShardId): boolean {
    return this.#switching.has(shard);
  }

  switchTo(install: SnapshotInstall, done: () => void): void {
    const { shard } = install.place;
    this.#switching.add(shard);
    this.#hasWork = true;
    this.state.switchTo(install, () => {
      this.#switching.delete(shard);
      this.save(shard, install.description.index);
      if (this.#leaving.has(shard)) this.drop(shard);
      else done();
    });
  }

  /** No replica can be created here before the former replica's state is deleted. */
  isFree(shard: ShardId): boolean {
    return this.state.isFree(shard);
  }

  /** The replica is gone for good, and now its state is deleted too. */
  drop(shard: ShardId): void {
    if (this.#switching.has(shard)) {
      this.#leaving.add(shard);
      return;
    }
    this.#leaving.delete(shard);
    this.#saved.delete(shard);
    this.state.drop(shard);
    this.#hasWork = true;
  }
}
