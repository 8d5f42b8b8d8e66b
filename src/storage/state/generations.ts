/** The generations that are not a shard's state: incoming snapshots, and unused rows to delete. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { STATE_LIMITS } from '../limits.ts';
import { SnapshotAdmission } from '../snapshot/snapshot-admission.ts';
import { installRows, SnapshotInstall, switchGeneration } from '../snapshot/snapshot-install.ts';
import { clearGeneration } from './generation-clearing.ts';
import type { StateDisk } from './state-disk.ts';
import { type Job, type JobOptions, writeBatch } from './state-job.ts';
import { Place } from './state-key.ts';
import type { RecordedState } from './state-meta.ts';

interface GenerationsOptions extends JobOptions {
  readonly disk: StateDisk;
  readonly onSwitch: (place: Place, recorded: RecordedState) => void;
}

/** The progress of clearing a generation. */
interface Clearing {
  readonly from: Uint8Array | undefined;
  readonly isStuck: boolean;
}

export class Generations {
  readonly #options: GenerationsOptions;
  readonly #installs = new Map<ShardId, SnapshotInstall>();
  readonly admission: SnapshotAdmission;
  /** When each incoming snapshot last made progress. */
  readonly #movedAt = new WeakMap<
    SnapshotInstall,
    { readonly offset: number; readonly at: number }
  >();
  readonly #dropped = new Set<ShardId>();
  readonly #clearings = new Map<string, Clearing>();
  /** The highest number assigned since the store was opened. */
  readonly #highest = new Map<ShardId, number>();

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.admission = new SnapshotAdmission({
      max: STATE_LIMITS.installsMax,
      requestTimeoutMilliseconds: STATE_LIMITS.installQueueMilliseconds,
      onFree: options.onProgress,
    });
  }

  get hasWork(): boolean {
    if (this.#dropped.size > 0 || this.#findLeftover() !== undefined) return true;
    return [...this.#installs.values()].some(({ hasRows, switched }) => hasRows || switched);
  }

  /** An incoming snapshot has rows for a shard that has no record on disk. */
  get isWaitingForRecord(): boolean {
    for (const [shard, install] of this.#installs) {
      if (this.#hasWork(install) && !this.#options.batches.records.has(shard)) return true;
    }
    return false;
  }

  /** For a new shard, or one that returns before its former rows are gone. */
  create(shard: ShardId): Place {
    this.#dropped.delete(shard);
    return new Place(shard, this.#nextOf(shard));
  }

  /** A number that no row of the shard has, on disk or in flight. */
  #nextOf(shard: ShardId): number {
    const record = this.#options.batches.records.get(shard);
    const taken = [record?.generation ?? 0, ...(record?.leftovers ?? [])];
    const next = Math.max(this.#highest.get(shard) ?? 0, ...taken) + 1;
    this.#highest.set(shard, next);
    return next;
  }

  install(shard: ShardId, description: SnapshotDescription): SnapshotInstall {
    const before = this.#installs.get(shard);
    if (before !== undefined) this.giveUp(before);
    const place = new Place(shard, this.#nextOf(shard));
    const queuedBytes = () => this.#queuedBytes;
    const install = new SnapshotInstall({ place, description, queuedBytes });
    this.#installs.set(shard, install);
    return install;
  }

  get #queuedBytes(): number {
    let bytes = 0;
    for (const install of this.#installs.values()) bytes += install.queuedBytes;
    return bytes;
  }

  /** A sender that stopped must not hold its admission for ever. */
  giveUpIdle(now: number): void {
    for (const [shard, install] of this.#installs) {
      const moved = this.#movedAt.get(install);
      const isWaitedFor = install.status === 'coming' && !install.isBusy;
      if (moved?.offset !== install.offset || !isWaitedFor) {
        this.#movedAt.set(install, { offset: install.offset, at: now });
      } else if (now - moved.at >= STATE_LIMITS.installIdleMilliseconds) {
        this.giveUp(install);
        this.admission.leave(shard);
      }
    }
  }

  giveUp(install: SnapshotInstall): void {
    if (this.#installs.get(install.place.shard) !== install) return;
    assert(install.switched === undefined, 'a requested switch is not cancelled');
    install.isOver = true;
    this.#installs.delete(install.place.shard);
  }

  switchTo(install: SnapshotInstall, done: () => void): void {
    assert(
      this.#installs.get(install.place.shard) === install,
      'the snapshot is still being installed',
    );
    assert(install.status === 'sound', 'only a complete and verified snapshot becomes the state');
    install.switched = done;
  }

  isSwitching(shard: ShardId): boolean {
    return this.#installs.get(shard)?.switched !== undefined;
  }

  drop(shard: ShardId): void {
    assert(!this.isSwitching(shard), 'a shard is not removed while its state is being switched');
    const install = this.#installs.get(shard);
    if (install !== undefined) this.giveUp(install);
    this.admission.leave(shard);
    this.#dropped.add(shard);
  }

  /** Jobs that a shard waits for come before jobs that only free space. */
  chooseJob(): Job | undefined {
    return this.#chooseDrop() ?? this.#chooseInstall() ?? this.#chooseClearing();
  }

  #chooseDrop(): Job | undefined {
    const { batches, onProgress } = this.#options;
    const [shard] = this.#dropped;
    if (shard === undefined) return undefined;
    this.#dropped.delete(shard);
    const record = batches.records.get(shard);
    if (record === undefined) return undefined;
    const leftovers = [...record.leftovers, record.generation];
    const change = { ...record, leftovers, state: undefined };
    return writeBatch({ batches, changes: new Map([[shard, change]]), onProgress });
  }

  #chooseInstall(): Job | undefined {
    const { batches, onProgress, onSwitch } = this.#options;
    for (const [shard, install] of this.#installs) {
      if (!this.#hasWork(install) || !batches.records.has(shard)) continue;
      // The other snapshots come first next time.
      this.#installs.delete(shard);
      this.#installs.set(shard, install);
      if (install.hasRows) return installRows({ install, batches, onProgress });
      const recorded = install.recording();
      const onDone = () => {
        this.#installs.delete(shard);
        install.isOver = true;
        this.admission.leave(shard);
        onSwitch(install.place, recorded);
        install.switched?.();
      };
      return switchGeneration({ install, batches, onProgress, onDone });
    }
    return undefined;
  }

  #hasWork({ hasRows, switched }: SnapshotInstall): boolean {
    return hasRows || switched !== undefined;
  }

  #chooseClearing(): Job | undefined {
    const place = this.#findLeftover();
    if (place === undefined) return undefined;
    const name = nameOf(place);
    const from = this.#clearings.get(name)?.from;
    return clearGeneration({
      ...this.#options,
      place,
      from,
      onDone: (last) => {
        if (last === undefined) this.#clearings.delete(name);
        else this.#clearings.set(name, { from: last, isStuck: false });
      },
      onStuck: () => this.#clearings.set(name, { from, isStuck: true }),
    });
  }

  #findLeftover(): Place | undefined {
    for (const [shard, { leftovers }] of this.#options.batches.records) {
      for (const generation of leftovers) {
        if (this.#installs.get(shard)?.place.generation === generation) continue;
        const place = new Place(shard, generation);
        if (this.#clearings.get(nameOf(place))?.isStuck !== true) return place;
      }
    }
    return undefined;
  }
}

function nameOf({ shard, generation }: Place): string {
  return `${shard}/${generation}`;
}
