/** Reads entries back from disk and verifies that they are what was written. */

import { assert } from '../../base/assert.ts';
import { ENTRY_OVERHEAD_BYTES } from '../../base/limits.ts';
import { decode } from '../../base/schema.ts';
import type { EntryRange } from '../../raft/log.ts';
import { type LogEntry, sizeOf } from '../../raft/message.ts';
import { SNAPSHOT } from '../../wire/raft-entry.ts';
import type { FilesReader } from '../files/files.ts';
import { isSealedKind, type RecordSeal } from '../sealing/record-seal.ts';
import type { Location } from './location-table.ts';
import type { Damage } from './log.ts';
import {
  isEntry,
  KIND,
  plainKind,
  readHeader,
  readPayload,
  recordBufferOf,
  recordBytes,
} from './log-record.ts';
import type { LogReplica } from './log-replica.ts';
import { segmentName } from './log-segment.ts';

/** The largest gap, records of other shards, that one read spans. */
const GAP_BYTES_MAX = 64 * 1024;

interface LogReaderOptions {
  readonly files: FilesReader;
  readonly bytesMax: number;
  /** Whether the record's write is complete, so that it can be read. */
  readonly isOnDisk: (location: Location) => boolean;
  /** The salt of a segment that is in use. */
  readonly saltOf: (epoch: number) => number;
  /** Undefined for a plain segment. */
  readonly sealOf: (epoch: number) => RecordSeal | undefined;
  readonly onDamage: (damage: Damage) => void;
}

/** A record of an entry as it was before it was sealed. */
export interface RawEntry {
  readonly kind: number;
  readonly payload: Uint8Array;
}

export class LogReader {
  readonly #options: LogReaderOptions;

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  /** The entries from the first of the range on; empty if that one is damaged. */
  read(replica: LogReplica, range: EntryRange): LogEntry[] {
    const first = replica.table.at(range.from);
    if (first.epoch === 0) return [];
    assert(this.#options.isOnDisk(first), 'an entry whose write is in flight is read from memory');
    const to = this.#lastTogether(replica, range);
    const { epoch, offset } = first;
    const last = replica.table.at(to);
    const length = last.offset + recordBytes(last.length) - offset;
    const bytes = this.#options.files.read({ name: segmentName(epoch), offset, length });
    if (!(bytes instanceof Uint8Array)) {
      if (to > range.from) return this.read(replica, { ...range, to: range.from });
      this.#markDamaged(replica, range.from, `reading failed with ${bytes.errno}`);
      return [];
    }
    const buffer = recordBufferOf(bytes);
    const entries: LogEntry[] = [];
    let weight = 0;
    for (let index = range.from; index <= to; index++) {
      const raw = this.#check(replica, { index, buffer, origin: offset });
      const entry = raw === undefined ? undefined : entryOf(replica, index, raw);
      if (entry === undefined) {
        this.#markDamaged(replica, index, 'the entry is damaged');
        break;
      }
      weight += sizeOf(entry);
      if (weight > range.bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  /** One entry in its stored form, to be rewritten elsewhere. */
  readRaw(replica: LogReplica, index: number): RawEntry | undefined {
    const { epoch, offset, length } = replica.table.at(index);
    const name = segmentName(epoch);
    const bytes = this.#options.files.read({ name, offset, length: recordBytes(length) });
    const isRead = bytes instanceof Uint8Array;
    const raw = isRead
      ? this.#check(replica, { index, buffer: recordBufferOf(bytes), origin: offset })
      : undefined;
    if (raw === undefined) this.#markDamaged(replica, index, 'the entry is damaged');
    return raw;
  }

  /** The last index that the same read of the disk can return. */
  #lastTogether({ table }: LogReplica, { from, to, bytesMax }: EntryRange): number {
    const first = table.at(from);
    let end = first.offset + recordBytes(first.length);
    let weight = ENTRY_OVERHEAD_BYTES + first.length;
    let index = from;
    for (; index < to; index++) {
      const next = table.at(index + 1);
      if (!this.#options.isOnDisk(next)) break;
      const { epoch, offset, length } = next;
      // Counted as Raft counts: the number of empty entries in a message is bounded too.
      weight += ENTRY_OVERHEAD_BYTES + length;
      const isNear = epoch === first.epoch && offset >= end && offset - end <= GAP_BYTES_MAX;
      if (!isNear || weight > bytesMax) break;
      end = offset + recordBytes(length);
      if (end - first.offset > this.#options.bytesMax) break;
    }
    return index;
  }

  /** The record, if it is that of this entry, of this shard, at this place. */
  #check(
    replica: LogReplica,
    part: {
      readonly index: number;
      readonly buffer: ReturnType<typeof recordBufferOf>;
      readonly origin: number;
    },
  ): RawEntry | undefined {
    const { index, buffer, origin } = part;
    const { epoch, offset }: Location = replica.table.at(index);
    const place = { salt: this.#options.saltOf(epoch), epoch, offset };
    const header = readHeader(buffer, offset - origin, place);
    if (header === undefined || header.shard !== replica.shard || header.index !== index) {
      return undefined;
    }
    if (header.term !== replica.termAt(index) || !isEntry(header.kind)) return undefined;
    const payload = readPayload(buffer, offset - origin, header);
    if (payload === undefined) return undefined;
    const seal = isSealedKind(header.kind) ? this.#options.sealOf(epoch) : undefined;
    if (seal === undefined) return { kind: header.kind, payload };
    const opened = seal.open(header, offset, payload);
    return opened === undefined ? undefined : { kind: header.kind, payload: opened };
  }

  #markDamaged(replica: LogReplica, index: number, text: string): void {
    const { epoch, offset } = replica.table.at(index);
    replica.table.punch(index);
    const { shard } = replica;
    this.#options.onDamage({ file: segmentName(epoch), offset, shard, index, text });
  }
}

export function entryOf(replica: LogReplica, index: number, raw: RawEntry): LogEntry | undefined {
  const term = replica.termAt(index);
  if (term === undefined) return undefined;
  switch (plainKind(raw.kind)) {
    case KIND.command:
      return { index, term, kind: 'command', payload: raw.payload };
    case KIND.empty:
      return { index, term, kind: 'empty' };
    default: {
      const decoded = decode(SNAPSHOT, raw.payload);
      if (decoded === undefined) return undefined;
      return { index, term, kind: 'configuration', configuration: decoded.configuration };
    }
  }
}
