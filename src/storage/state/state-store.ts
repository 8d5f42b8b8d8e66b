/** The state of all shards of a node: memtables in memory, checkpoints on disk. See `state.ts`. */

import { assert, present } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../../base/limits.ts';
import type { Configuration } from '../../raft/configuration.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { ORIGIN } from '../../raft/position.ts';
import type { SnapshotReader } from '../../raft/ready.ts';
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
  /** Whose store this is: compared with what is on disk. */
  readonly identity: Uint8Array;
  /** Through which index a shard's log will survive a loss of power. */
  readonly durableIndex: (shard: ShardId) => number;
  /** The disk has answered: `work` can go on. */
  readonly onProgress: () => void;
  /** A batch is on disk. */
  readonly onBatch: (batch: DurableBatch) => void;
  readonly onDamage: (damage: StateDamage) => void;
}

interface DurableBatch {
  /** The shards whose state it brought to the disk. */
  readonly written: readonly WrittenShard[];
  /**
   * What the log may forget: the states of the checkpoint before. LevelDB gives up its last batch
   * if that is damaged, and then the log has to go on from the one before.
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
  /** When the oldest write that is not frozen yet came, as far as `work` knows. */
  #oldest: number | undefined;
  #isCheckpointWanted = false;
  /** Jobs of snapshots coming in, and of clearing, that come before the next checkpoint. */
  #turnsOwed = 0;
  #isClosed = false;
  /** What the last batch brought to the disk: it counts for the log once another has followed. */
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

  /** The shards that are here, in rising order. */
  get shards(): readonly ShardId[] {
    return [...this.#states.keys()].sort((one, other) => one - other);
  }

  /** A shard without history. It is on disk from the first checkpoint on. */
  create(shard: ShardId, configuration: Configuration): void {
    assert(!this.#states.has(shard), 'a shard is created once');
    const description = { ...ORIGIN, configuration, configurationAt: ORIGIN };
    this.#open(this.#generations.create(shard), { description, hash: [], isCondemned: false });
  }

  /** The shard leaves this node, for good once `work` has written it. Its rows go after that. */
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
   * Whether nothing of a former replica's state is on disk. A shard that comes back sooner could
   * wake up with the state of the one that left, should the process end meanwhile.
   */
  isFree(shard: ShardId): boolean {
    return !this.#states.has(shard) && this.#batches.records.get(shard)?.state === undefined;
  }

  /** Where a shard's state stands. */
  description(shard: ShardId): SnapshotDescription {
    return this.#stateOf(shard).description;
  }

  isDamaged(shard: ShardId): boolean {
    return this.#stateOf(shard).isDamaged;
  }

  /** Whether it was condemned, in this life or before: no row of it counts. */
  isCondemned(shard: ShardId): boolean {
    return this.#stateOf(shard).isCondemned;
  }

  /** Undefined for a damaged shard. Reads what some of the last writes replaced. */
  hash(shard: ShardId): StateHash | undefined {
    return this.#stateOf(shard).hash();
  }

  /** Takes the hash of a shard as of its last entry. It takes the place of an earlier one. */
  beginFingerprint(shard: ShardId): void {
    this.#stateOf(shard).beginFingerprint();
  }

  /** The one begun last; undefined until the disk has answered, and for a damaged shard. */
  fingerprint(shard: ShardId): Fingerprint | undefined {
    return this.#stateOf(shard).fingerprint;
  }

  /** What the shard holds is wrong though its rows are sound: it counts as damaged from now on. */
  condemn(shard: ShardId): void {
    this.#stateOf(shard).condemn();
  }

  get(shard: ShardId, section: number, key: Uint8Array): Uint8Array | undefined {
    return this.#stateOf(shard).get(section, key);
  }

  /** Whether one more view may be taken. */
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

  /** Whether the memtables have room for an entry. If not, wait: the disk is behind. */
  get hasRoom(): boolean {
    return this.#bytes < STATE_LIMITS.memtableBytesMax;
  }

  get memtableBytes(): number {
    return this.#bytes;
  }

  apply(shard: ShardId, entry: AppliedEntry): void {
    assert(this.hasRoom, 'there is room before an entry is applied');
    assert(!this.#generations.isSwitching(shard), 'nothing is applied to a state that goes');
    const state = this.#stateOf(shard);
    const { bytes, rows } = state.memtable;
    state.apply(entry);
    this.#bytes += state.memtable.bytes - bytes;
    this.#rows += state.memtable.rows - rows;
    this.#oldest ??= this.#now;
  }

  /** Snapshots of the last checkpoint, for the core of this shard to send. */
  snapshots(shard: ShardId): SnapshotReader {
    return this.#exports.readerOf(shard);
  }

  /**
   * Whether a snapshot of this shard may begin to come in: so many do at once. Asking again keeps
   * the shard in line.
   */
  askToInstall(shard: ShardId): boolean {
    return this.#generations.admission.ask(shard, this.#now);
  }

  /** The same of a shard that asked before; undefined if it is not in line any more. */
  mayInstall(shard: ShardId): boolean | undefined {
    return this.#generations.admission.askAgain(shard, this.#now);
  }

  /** The shard has no use for its place among those that come in. */
  leaveInstall(shard: ShardId): void {
    this.#generations.admission.leave(shard);
  }

  /** A snapshot begins to come in; one that was coming before is given up. */
  install(shard: ShardId, description: SnapshotDescription): SnapshotInstall {
    this.#stateOf(shard);
    return this.#generations.install(shard, description);
  }

  /**
   * Makes a sound snapshot the state of its shard. Reported when that is on disk; until then reads
   * see the old state and nothing may be applied.
   */
  switchTo(install: SnapshotInstall, done: () => void): void {
    this.#generations.switchTo(install, done);
  }

  giveUp(install: SnapshotInstall): void {
    this.#generations.giveUp(install);
  }

  /**
   * Asks for a checkpoint before one is due. With nothing new to write, a batch without rows lets
   * the log forget what the last one brought.
   */
  checkpoint(): void {
    this.#isCheckpointWanted = true;
  }

  /**
   * One slice of work, with the monotone time in milliseconds. `again`: there is more to do at
   * once. `later`: call again when something has happened: a write, a tick, a report of the log,
   * `onProgress`.
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

  /** Whether nothing is left to write, at this moment. */
  get isIdle(): boolean {
    const isClean = this.#changed().length === 0 && !this.#generations.hasWork;
    return this.#job === undefined && isClean;
  }

  /** Ends all views. What is in the memtables alone is in the log too. */
  close(done: () => void): void {
    assert(!this.#isClosed, 'a store is closed once');
    this.#isClosed = true;
    this.#exports.close();
    this.#scrub.close();
    this.#shared.close();
    this.#options.disk.close(done);
  }

  /** A checkpoint may be due again as soon as one is over: others get their turns between them. */
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
    // A shard that the disk does not know yet cannot receive a snapshot.
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

  /** Between jobs: a hash that is asked for needs few reads, and a fingerprint gets ready. */
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

  /** Rows that do not add up condemn all of them: which are wrong is not known. */
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
