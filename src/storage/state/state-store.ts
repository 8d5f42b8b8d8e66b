/** The state of all shards of a node: memtables, and checkpoints on disk. See `state.ts`. */

import { assert, present } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import type { Configuration } from '../../raft/configuration.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { ORIGIN } from '../../raft/position.ts';
import type { SnapshotReader } from '../../raft/ready.ts';
import { STATE_LIMITS } from '../limits.ts';
import { SnapshotExports } from '../snapshot/snapshot-exports.ts';
import type { SnapshotInstall } from '../snapshot/snapshot-install.ts';
import { checkpoint } from './checkpoint.ts';
import { Generations } from './generations.ts';
import { type Fingerprint, ShardState } from './shard-state.ts';
import { ShardView } from './shard-view.ts';
import { SharedDiskView } from './shared-disk-view.ts';
import { SlabPool } from './slab-pool.ts';
import type { AppliedEntry, StateDamage, StateView } from './state.ts';
import { StateBatches, type WrittenShard } from './state-batch.ts';
import type { StateDisk } from './state-disk.ts';
import type { StateHash } from './state-hash.ts';
import type { Job } from './state-job.ts';
import { Place } from './state-key.ts';
import type { RecordedState } from './state-meta.ts';
import { openRecords } from './state-opening.ts';
import { StateScrub } from './state-scrub.ts';

interface StateStoreOptions {
  readonly disk: StateDisk;
  /** The owner of the store: compared with its record on disk. */
  readonly identity: Uint8Array;
  /** The index up to which a shard's log is durable. */
  readonly durableIndex: (shard: ShardId) => number;
  /** The disk has answered: `work` can continue. */
  readonly onProgress: () => void;
  /** A batch is durable. */
  readonly onBatch: (batch: DurableBatch) => void;
  readonly onDamage: (damage: StateDamage) => void;
}

interface DurableBatch {
  /** The shards whose state it contained. */
  readonly written: readonly WrittenShard[];
  /**
   * What the log may forget: the states of the checkpoint before. LevelDB drops its last batch if
   * that is damaged, and the log must be able to continue from the one before.
   */
  readonly forgettable: readonly WrittenShard[];
}

export class StateStore {
  readonly #options: StateStoreOptions;
  readonly #pool = new SlabPool();
  readonly #states = new Map<ShardId, ShardState>();
  readonly #batches: StateBatches;
  readonly #shared: SharedDiskView;
  readonly #exports: SnapshotExports;
  readonly #scrub: StateScrub;
  readonly #generations: Generations;
  #job: Job | undefined;
  #bytes = 0;
  #rows = 0;
  #now = 0;
  /** When the oldest write in the memtables arrived, as far as `work` knows. */
  #oldest: number | undefined;
  #isCheckpointWanted = false;
  /** The number of snapshot and clearing jobs that may run before the next checkpoint. */
  #turnsOwed = 0;
  #isClosed = false;
  /** The states in the last batch: the log may forget them once another batch has followed. */
  #unfollowed: WrittenShard[] = [];

  /** Throws `StateUnusable` or `StateStoreDamaged`: see `openRecords`. */
  constructor(options: StateStoreOptions) {
    const { disk, identity, onProgress, onDamage } = options;
    this.#options = options;
    const { batches, records } = openRecords(disk, identity);
    this.#shared = new SharedDiskView(disk);
    this.#batches = new StateBatches({
      disk,
      identity,
      batches,
      records,
      onChange: () => this.#shared.renew(),
      onDurable: (written) => this.#noteBatch(written),
    });
    this.#exports = new SnapshotExports({ disk, onProgress, onDamage });
    this.#scrub = new StateScrub({ disk, onDamage: (damage) => this.#noteDamage(damage) });
    this.#generations = new Generations({
      disk,
      batches: this.#batches,
      onProgress,
      onSwitch: (place, recorded) => this.#replace(place, recorded),
    });
    for (const [shard, { generation, state }] of records) {
      if (state === undefined) continue;
      this.#open(new Place(shard, generation), state);
      this.#unfollowed.push({ shard, description: state.description });
    }
  }

  /** The shards of this store, in rising order. */
  get shards(): readonly ShardId[] {
    return [...this.#states.keys()].sort((one, other) => one - other);
  }

  /** Creates a shard without history. It is on disk from the first checkpoint on. */
  create(shard: ShardId, configuration: Configuration): void {
    assert(!this.#states.has(shard), 'a shard is created once');
    const description = { ...ORIGIN, configuration, configurationAt: ORIGIN };
    this.#open(this.#generations.create(shard), { description, hash: [], isCondemned: false });
  }

  /** Removes a shard, durably once `work` has written it. Its rows are deleted afterwards. */
  drop(shard: ShardId): void {
    this.#stateOf(shard);
    this.#exports.closeOf(shard);
    this.#scrub.forget(shard);
    this.#generations.drop(shard);
    this.#states.delete(shard);
    this.#unfollowed = this.#unfollowed.filter((written) => written.shard !== shard);
    this.#recount();
  }

  /**
   * Whether no state of a former replica is on disk. A shard that is created before that could
   * restart with the state of its former replica.
   */
  isFree(shard: ShardId): boolean {
    return !this.#states.has(shard) && this.#batches.records.get(shard)?.state === undefined;
  }

  /** The position and configuration of a shard's state. */
  description(shard: ShardId): SnapshotDescription {
    return this.#stateOf(shard).description;
  }

  isDamaged(shard: ShardId): boolean {
    return this.#stateOf(shard).isDamaged;
  }

  /** Whether the state was condemned, in this incarnation or before: none of its rows counts. */
  isCondemned(shard: ShardId): boolean {
    return this.#stateOf(shard).isCondemned;
  }

  /** Undefined for a damaged shard. Reads the rows that recent writes replaced. */
  hash(shard: ShardId): StateHash | undefined {
    return this.#stateOf(shard).hash();
  }

  /** Begins a fingerprint of a shard as of its last entry, in place of an earlier one. */
  beginFingerprint(shard: ShardId): void {
    this.#stateOf(shard).beginFingerprint();
  }

  /** The last fingerprint begun; undefined until the disk has answered, and for a damaged shard. */
  fingerprint(shard: ShardId): Fingerprint | undefined {
    return this.#stateOf(shard).fingerprint;
  }

  /** The state is wrong although its rows are sound: it counts as damaged from now on. */
  condemn(shard: ShardId): void {
    this.#stateOf(shard).condemn();
  }

  get(shard: ShardId, section: number, key: Uint8Array): Uint8Array | undefined {
    return this.#stateOf(shard).get(section, key);
  }

  /** Whether one more view may be opened. */
  get hasViews(): boolean {
    return this.#shared.hasRoom;
  }

  get openViews(): number {
    return this.#shared.size;
  }

  view(shard: ShardId): StateView {
    const { view: disk, release } = this.#shared.take();
    return new ShardView({ state: this.#stateOf(shard), disk, onClose: release });
  }

  /** Whether the memtables have room for an entry. Without room applying waits for the disk. */
  get hasRoom(): boolean {
    return this.#bytes < STATE_LIMITS.memtableBytesMax;
  }

  get memtableBytes(): number {
    return this.#bytes;
  }

  apply(shard: ShardId, entry: AppliedEntry): void {
    assert(this.hasRoom, 'there is room before an entry is applied');
    assert(!this.#generations.isSwitching(shard), 'a state that is being replaced is not written');
    const state = this.#stateOf(shard);
    const { bytes, rows } = state.memtable;
    state.apply(entry);
    this.#bytes += state.memtable.bytes - bytes;
    this.#rows += state.memtable.rows - rows;
    this.#oldest ??= this.#now;
  }

  /** Snapshots of the last checkpoint, for the Raft core of this shard. */
  snapshots(shard: ShardId): SnapshotReader {
    return this.#exports.readerOf(shard);
  }

  /**
   * Whether a snapshot of this shard may begin to come in: their number is limited. Asking again
   * keeps the shard's place in the queue.
   */
  askToInstall(shard: ShardId): boolean {
    return this.#generations.admission.ask(shard, this.#now);
  }

  /** The same for a shard that asked before; undefined if it is not in the queue any more. */
  mayInstall(shard: ShardId): boolean | undefined {
    return this.#generations.admission.askAgain(shard, this.#now);
  }

  /** The shard does not need its admission or its place in the queue. */
  leaveInstall(shard: ShardId): void {
    this.#generations.admission.leave(shard);
  }

  /** Begins to install a snapshot, in place of one that is coming in. */
  install(shard: ShardId, description: SnapshotDescription): SnapshotInstall {
    this.#stateOf(shard);
    return this.#generations.install(shard, description);
  }

  /**
   * Makes a verified snapshot the state of its shard. Calls `done` when that is durable; until then
   * reads see the old state and nothing may be applied.
   */
  switchTo(install: SnapshotInstall, done: () => void): void {
    this.#generations.switchTo(install, done);
  }

  giveUp(install: SnapshotInstall): void {
    this.#generations.giveUp(install);
  }

  /**
   * Requests a checkpoint before one is due. If there is nothing to write, an empty batch lets the
   * log forget the states of the last one.
   */
  checkpoint(): void {
    this.#isCheckpointWanted = true;
  }

  /**
   * Does one slice of work at a monotone time in milliseconds. `again`: there is more to do
   * immediately. `later`: call again after a write, a tick, a report of the log, or `onProgress`.
   */
  work(now: number): 'again' | 'later' {
    this.#now = now;
    if (this.#isClosed) return 'later';
    this.#options.disk.maintain();
    this.#exports.closeIdle(now);
    this.#scrub.work(now, () => this.shards);
    this.#generations.giveUpIdle(now);
    this.#job ??= this.#chooseJob();
    if (this.#job === undefined) return this.#settle();
    const { done, value } = this.#job.next();
    if (done !== true) return value;
    this.#job = undefined;
    return 'again';
  }

  /** Whether there is nothing to write at this moment. */
  get isIdle(): boolean {
    if (this.#isCheckpointWanted) return false;
    const isClean = this.#changed().length === 0 && !this.#generations.hasWork;
    return this.#job === undefined && isClean;
  }

  /** Closes all views. The log has all entries that only the memtables contain. */
  close(done: () => void): void {
    assert(!this.#isClosed, 'a store is closed once');
    this.#isClosed = true;
    this.#exports.close();
    this.#scrub.close();
    this.#shared.close();
    this.#options.disk.close(done);
  }

  /** The next checkpoint may be due as soon as one is complete: other jobs run between them. */
  #chooseJob(): Job | undefined {
    const isDue = this.#isDue();
    if (isDue && this.#turnsOwed > 0 && !this.#generations.isWaitingForRecord) {
      this.#turnsOwed -= 1;
      const job = this.#generations.chooseJob();
      if (job !== undefined) return job;
    }
    if (isDue) {
      const states = this.#changed();
      const isFollower = this.#isCheckpointWanted && this.#unfollowed.length > 0;
      this.#isCheckpointWanted = false;
      this.#oldest = undefined;
      this.#rows = 0;
      this.#turnsOwed = STATE_LIMITS.jobsBetweenCheckpoints;
      if (states.length > 0 || isFollower) return this.#newCheckpoint(states);
    }
    return this.#generations.chooseJob();
  }

  #isDue(): boolean {
    if (this.#isCheckpointWanted || this.#rows >= STATE_LIMITS.checkpointRows) return true;
    if (this.#bytes >= STATE_LIMITS.checkpointBytes) return true;
    // A shard without a record on disk cannot receive a snapshot.
    if (this.#generations.isWaitingForRecord) return true;
    const age = this.#oldest === undefined ? 0 : this.#now - this.#oldest;
    return age >= STATE_LIMITS.checkpointMilliseconds;
  }

  #newCheckpoint(states: readonly ShardState[]): Job {
    const { durableIndex, onProgress } = this.#options;
    return checkpoint({
      batches: this.#batches,
      states,
      durableIndex,
      onProgress,
      onDone: () => this.#recount(),
    });
  }

  #changed(): readonly ShardState[] {
    return this.shards
      .map((shard) => this.#stateOf(shard))
      .filter((state) => {
        const record = this.#batches.records.get(state.shard);
        const recorded = record?.state;
        if (recorded === undefined || record?.generation !== state.place.generation) return true;
        if (state.isDamaged && recorded.hash !== undefined) return true;
        return recorded.description.index < state.description.index;
      });
  }

  /** Between jobs: settles rows, so that a hash needs few reads and a fingerprint completes. */
  #settle(): 'later' {
    for (const state of this.#states.values()) {
      const isDue = state.memtable.unsettled.length >= STATE_LIMITS.settleKeys;
      if (!isDue && !state.isFingerprintAwaited) continue;
      if (state.settleSome(state.memtable, this.#options.onProgress)) break;
    }
    return 'later';
  }

  #open(place: Place, recorded: RecordedState): void {
    const { disk, onDamage } = this.#options;
    const pool = this.#pool;
    this.#states.set(place.shard, new ShardState({ place, disk, pool, recorded, onDamage }));
  }

  /** If the sums of a shard's rows are wrong, none of the rows can be trusted. */
  #noteDamage(damage: StateDamage): void {
    if (damage.row === undefined) this.condemn(damage.shard);
    this.#options.onDamage(damage);
  }

  #noteBatch(written: readonly WrittenShard[]): void {
    const forgettable = this.#unfollowed;
    this.#unfollowed = [...written];
    if (written.length + forgettable.length > 0) this.#options.onBatch({ written, forgettable });
  }

  #replace(place: Place, recorded: RecordedState): void {
    this.#exports.closeOf(place.shard);
    this.#scrub.forget(place.shard);
    this.#open(place, recorded);
    this.#recount();
  }

  #recount(): void {
    this.#bytes = 0;
    for (const { bytes } of this.#states.values()) this.#bytes += bytes;
  }

  #stateOf(shard: ShardId): ShardState {
    return present(this.#states.get(shard), 'the shard is on this node');
  }
}
