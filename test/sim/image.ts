/** What one disk holds of one replica: the log, the promises, the checkpoints. */

import { type MemberId, NOBODY } from '../../src/base/ids.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { EntryRange, TermRun } from '../../src/raft/log.ts';
import { type Entry, type SnapshotDescription, sizeOf } from '../../src/raft/message.ts';
import { ORIGIN, type Position } from '../../src/raft/position.ts';
import type { HardState, Write } from '../../src/raft/ready.ts';
import type { Restored } from '../../src/raft/revive.ts';
import { SimFailure } from './failure.ts';

/** The machine's state at an index, as bytes that can be given to others. */
export interface Checkpoint {
  readonly description: SnapshotDescription;
  readonly content: Uint8Array;
}

/** The newest, and one that may still be on its way to somebody. */
const CHECKPOINTS_KEPT = 2;

export class ReplicaImage {
  readonly member: MemberId;
  hardState: HardState = { term: 0, vote: NOBODY, commit: 0 };
  base: Position = ORIGIN;
  /** In force at the base. */
  baseConfiguration: PlacedConfiguration;
  /** The entry at `base.index + 1` and all behind it. */
  entries: Entry[] = [];
  readonly damaged = new Set<number>();
  /** The term and vote could not be read once: this member's votes are not to be trusted. */
  isVoteLost = false;
  /** Oldest first. */
  checkpoints: Checkpoint[] = [];

  constructor(member: MemberId, configuration: PlacedConfiguration) {
    this.member = member;
    this.baseConfiguration = configuration;
  }

  copy(): ReplicaImage {
    const copy = new ReplicaImage(this.member, this.baseConfiguration);
    copy.hardState = this.hardState;
    copy.base = this.base;
    copy.entries = [...this.entries];
    for (const index of this.damaged) copy.damaged.add(index);
    copy.isVoteLost = this.isVoteLost;
    copy.checkpoints = [...this.checkpoints];
    return copy;
  }

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  get newestCheckpoint(): Checkpoint | undefined {
    return this.checkpoints[this.checkpoints.length - 1];
  }

  entryAt(index: number): Entry | undefined {
    return this.entries[index - this.base.index - 1];
  }

  termAt(index: number): number | undefined {
    return index === this.base.index ? this.base.term : this.entryAt(index)?.term;
  }

  /** The entry is here, or something that stands for it. */
  covers(index: number, term: number): boolean {
    return index <= this.base.index || this.entryAt(index)?.term === term;
  }

  /** Restart, append, repair, hard state: the order that the door promises. */
  apply(write: Write, content: Uint8Array | undefined): void {
    if (write.snapshot !== undefined) this.#restart(write.snapshot, content ?? new Uint8Array());
    const first = write.entries[0];
    if (first !== undefined) {
      if (first.index > this.lastIndex + 1 || first.index <= this.base.index) {
        const what = `an append at ${first.index} to ${this.base.index}..${this.lastIndex}`;
        throw new SimFailure('disk', what, { time: Number.NaN });
      }
      this.entries.length = first.index - this.base.index - 1;
      for (const index of this.damaged) if (index >= first.index) this.damaged.delete(index);
      for (const entry of write.entries) this.entries.push(entry);
    }
    for (const entry of write.repairs) {
      if (entry.index <= this.base.index || entry.index > this.lastIndex) continue;
      this.entries[entry.index - this.base.index - 1] = entry;
      this.damaged.delete(entry.index);
    }
    this.hardState = write.hardState;
  }

  #restart(snapshot: SnapshotDescription, content: Uint8Array): void {
    const { index, term, configuration, configurationAt } = snapshot;
    const isKept = index <= this.lastIndex && this.termAt(index) === term;
    if (isKept) this.truncate(index);
    else {
      this.base = { index, term };
      this.entries = [];
      this.damaged.clear();
      this.baseConfiguration = { at: configurationAt, configuration };
    }
    this.addCheckpoint({ description: snapshot, content });
  }

  addCheckpoint(checkpoint: Checkpoint): void {
    const newest = this.newestCheckpoint;
    if (newest !== undefined && newest.description.index >= checkpoint.description.index) return;
    this.checkpoints.push(checkpoint);
    if (this.checkpoints.length > CHECKPOINTS_KEPT) this.checkpoints.shift();
  }

  /** Forgets the head of the log. */
  truncate(index: number): void {
    if (index <= this.base.index) return;
    const term = this.termAt(index);
    if (term === undefined) {
      throw new SimFailure('disk', `the log was truncated beyond its end`, { time: Number.NaN });
    }
    this.baseConfiguration = this.configurationAt(index);
    this.entries = this.entries.slice(index - this.base.index);
    this.base = { index, term };
    for (const damaged of this.damaged) if (damaged <= index) this.damaged.delete(damaged);
  }

  configurationAt(index: number): PlacedConfiguration {
    let found = this.baseConfiguration;
    for (const placed of this.configurations()) if (placed.at.index <= index) found = placed;
    return found;
  }

  /** The one in force at the base, then each one in the log. */
  configurations(): PlacedConfiguration[] {
    const placed = [this.baseConfiguration];
    for (const entry of this.entries) {
      if (entry.kind !== 'configuration') continue;
      const { index, term, configuration } = entry;
      placed.push({ at: { index, term }, configuration });
    }
    return placed;
  }

  /** The term and vote are gone: what the log tells of terms is all that is left. */
  loseVote(): void {
    this.isVoteLost = true;
    const term = this.termAt(this.lastIndex) ?? 0;
    this.hardState = { term, vote: NOBODY, commit: this.base.index };
  }

  /** As the port of the core wants it. */
  read(range: EntryRange): readonly Entry[] | 'damaged' {
    if (this.damaged.has(range.from)) return 'damaged';
    const read: Entry[] = [];
    let bytes = 0;
    for (let index = range.from; index <= range.to && !this.damaged.has(index); index++) {
      const entry = this.entryAt(index);
      if (entry === undefined) break;
      bytes += sizeOf(entry);
      if (bytes > range.bytesMax && read.length > 0) break;
      read.push(entry);
    }
    if (read.length === 0) {
      throw new SimFailure('disk', 'an entry was read that is not there', { time: Number.NaN });
    }
    return read;
  }

  /** What a replica remembers when its node starts. */
  restored(): Restored {
    const runs: TermRun[] = [];
    for (const { index, term } of this.entries) {
      if (runs.length === 0 || (runs[runs.length - 1] as TermRun).term < term) {
        runs.push({ index, term });
      }
    }
    return {
      hardState: this.hardState,
      log: {
        base: this.base,
        runs,
        lastIndex: this.lastIndex,
        damaged: [...this.damaged].sort((one, other) => one - other),
      },
      configurations: this.configurations(),
      applied: this.newestCheckpoint?.description.index ?? 0,
      mayVote: !this.isVoteLost,
    };
  }
}
