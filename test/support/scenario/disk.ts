/** The disk of a replica of a transcript: its log, its hard state and one checkpoint. */

import type { Configuration, PlacedConfiguration } from '../../../src/raft/configuration.ts';
import type { LogEntry, SnapshotDescription } from '../../../src/raft/message.ts';
import { ORIGIN, type Position } from '../../../src/raft/position.ts';
import type { HardState, Write } from '../../../src/raft/ready.ts';
import type { Restored } from '../../../src/raft/restore.ts';

export interface Checkpoint {
  readonly description: SnapshotDescription;
  readonly content: Uint8Array;
}

/** The entries follow `base` without a gap. */
export interface Disk {
  readonly hardState: HardState;
  readonly base: Position;
  /** What was in force at the base. */
  readonly configuration: PlacedConfiguration;
  readonly entries: readonly LogEntry[];
  readonly damaged: readonly number[];
  readonly checkpoint: Checkpoint | undefined;
  readonly mayVote: boolean;
}

export function emptyDisk(configuration: Configuration): Disk {
  return {
    hardState: { term: 0, vote: 0 as HardState['vote'], commit: 0 },
    base: ORIGIN,
    configuration: { at: ORIGIN, configuration },
    entries: [],
    damaged: [],
    checkpoint: undefined,
    mayVote: true,
  };
}

/** One atomic step, in the order in which a `Write` is to be read. */
export function written(disk: Disk, write: Write, received: Checkpoint | undefined): Disk {
  let next = write.snapshot === undefined ? disk : restartedFrom(disk, write.snapshot, received);
  const [first] = write.entries;
  if (first !== undefined) {
    const kept = next.entries.filter((entry) => entry.index < first.index);
    const damaged = next.damaged.filter((index) => index < first.index);
    next = { ...next, entries: [...kept, ...write.entries], damaged };
  }
  for (const repair of write.repairs) {
    const entries = next.entries.map((entry) => (entry.index === repair.index ? repair : entry));
    next = { ...next, entries, damaged: next.damaged.filter((index) => index !== repair.index) };
  }
  return { ...next, hardState: write.hardState };
}

function restartedFrom(
  disk: Disk,
  snapshot: SnapshotDescription,
  received: Checkpoint | undefined,
): Disk {
  if (received?.description.index !== snapshot.index) throw new Error('nothing to restart from');
  const { index, term } = snapshot;
  const hasEnd = disk.entries.some((entry) => entry.index === index && entry.term === term);
  const { configuration, configurationAt: at } = snapshot;
  return {
    ...disk,
    base: { index, term },
    configuration: { at, configuration },
    entries: hasEnd ? disk.entries.filter((entry) => entry.index > index) : [],
    damaged: hasEnd ? disk.damaged.filter((damaged) => damaged > index) : [],
    checkpoint: received,
  };
}

/** The head of the log is truncated through `index`, which the log has. */
export function beheaded(disk: Disk, index: number): Disk {
  const last = disk.entries.find((entry) => entry.index === index);
  if (last === undefined) throw new Error(`there is no entry ${index} to forget`);
  return {
    ...disk,
    base: { index, term: last.term },
    configuration: configurationAt(disk, index),
    entries: disk.entries.filter((entry) => entry.index > index),
    damaged: disk.damaged.filter((damaged) => damaged > index),
  };
}

/** What was in force at an index that the log covers. */
export function configurationAt(disk: Disk, index: number): PlacedConfiguration {
  return placedIn(disk).findLast((placed) => placed.at.index <= index) ?? disk.configuration;
}

function placedIn(disk: Disk): PlacedConfiguration[] {
  const placed = [disk.configuration];
  for (const entry of disk.entries) {
    if (entry.kind !== 'configuration') continue;
    const { index, term, configuration } = entry;
    placed.push({ at: { index, term }, configuration });
  }
  return placed;
}

/** What a replica finds of a former life. */
export function restoredFrom(disk: Disk): Restored {
  const runs: Position[] = [];
  for (const { index, term } of disk.entries) {
    if (runs[runs.length - 1]?.term !== term) runs.push({ index, term });
  }
  return {
    hardState: disk.hardState,
    log: {
      base: disk.base,
      runs,
      lastIndex: disk.base.index + disk.entries.length,
      damaged: disk.damaged,
    },
    configurations: placedIn(disk),
    applied: disk.checkpoint?.description.index ?? disk.base.index,
    mayVote: disk.mayVote,
  };
}
