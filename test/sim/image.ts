/** A replica's log and hard state, as simple as possible: the reference for the product's log. */

import { type MemberId, NO_MEMBER } from '../../src/base/ids.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { TermRun } from '../../src/raft/log.ts';
import type { LogEntry, SnapshotDescription } from '../../src/raft/message.ts';
import { ORIGIN, type Position } from '../../src/raft/position.ts';
import type { HardState, Write } from '../../src/raft/ready.ts';
import { SimFailure } from './failure.ts';

export class ReplicaImage {
  readonly member: MemberId;
  hardState: HardState = { term: 0, vote: NO_MEMBER, commit: 0 };
  base: Position = ORIGIN;
  /** In force at the base. */
  baseConfiguration: PlacedConfiguration;
  /** The entry at `base.index + 1` and all after it. */
  entries: LogEntry[] = [];
  /** Entries whose bytes were corrupted, detected or not. */
  readonly damaged = new Set<number>();
  /** The term and vote were corrupted: the member may not vote any more. */
  isVoteLost = false;

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
    return copy;
  }

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  entryAt(index: number): LogEntry | undefined {
    return this.entries[index - this.base.index - 1];
  }

  termAt(index: number): number | undefined {
    return index === this.base.index ? this.base.term : this.entryAt(index)?.term;
  }

  /** The index has an entry, or a record of a damaged one. */
  covers(index: number, term: number): boolean {
    return index <= this.base.index || this.entryAt(index)?.term === term;
  }

  /** Restart, append, repair, hard state: the order that the port promises. */
  apply(write: Write): void {
    if (write.snapshot !== undefined) this.#restart(write.snapshot);
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

  #restart({ index, term, configuration, configurationAt }: SnapshotDescription): void {
    const isKept = index <= this.lastIndex && this.termAt(index) === term;
    if (isKept) this.truncate(index);
    else {
      this.base = { index, term };
      this.entries = [];
      this.damaged.clear();
    }
    this.baseConfiguration = { at: configurationAt, configuration };
  }

  /** Truncates the head of the log. */
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

  runs(): TermRun[] {
    const runs: TermRun[] = [];
    for (const { index, term } of this.entries) {
      if (runs.at(-1)?.term !== term) runs.push({ index, term });
    }
    return runs;
  }
}
