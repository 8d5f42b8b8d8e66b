/** The disk of one explored replica: what is written, and how much of it is synced. */

import { assert, present } from '../../src/base/assert.ts';
import { NO_MEMBER } from '../../src/base/ids.ts';
import type { EntryRange, EntryReader } from '../../src/raft/log.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import type { HardState, Mark, Write } from '../../src/raft/ready.ts';
import { freezeGraph } from './graph.ts';

export interface Image {
  readonly hardState: HardState;
  /** Entries from index 1 on: explored logs are never truncated. */
  readonly entries: readonly LogEntry[];
}

/** Images and writes are frozen, so that copies of a replica share them. */
const BLANK: Image = freezeGraph({
  hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
  entries: [],
});

export class Disk implements EntryReader {
  /** What a crash leaves. */
  synced: Image = BLANK;
  /** Everything that was written, synced or not. */
  written: Image = BLANK;
  /** Not synced yet, oldest first. */
  pending: Write[] = [];

  write(write: Write): void {
    this.written = imageAfter(this.written, write);
    this.pending.push(freezeGraph(write));
  }

  /** The oldest write becomes durable. */
  sync(): Mark {
    const write = present(this.pending.shift(), 'there is something to sync');
    this.synced = imageAfter(this.synced, write);
    return write.mark;
  }

  /** Unsynced writes are lost. */
  crash(): void {
    this.pending = [];
    this.written = this.synced;
  }

  read(range: EntryRange): readonly LogEntry[] {
    return this.written.entries.slice(range.from - 1, range.to);
  }
}

function imageAfter(image: Image, write: Write): Image {
  assert(write.snapshot === undefined, 'no member needs a snapshot here');
  assert(write.repairs.length === 0, 'nothing is damaged here');
  let { entries } = image;
  const first = write.entries[0];
  if (first !== undefined) {
    assert(first.index <= entries.length + 1, 'a write leaves no gap');
    entries = [...entries.slice(0, first.index - 1), ...write.entries];
  }
  return freezeGraph({ hardState: write.hardState, entries });
}
