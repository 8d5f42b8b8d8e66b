/**
 * Encodings inside messages of the log: positions, configurations, entries, snapshot descriptions.
 */

import { assert, unreachable } from '../base/assert.ts';
import type { MemberId } from '../base/ids.ts';
import { RAFT_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import { count, list, type Schema, struct } from '../base/schema.ts';
import type { Configuration } from '../raft/configuration.ts';
import type { LogEntry, SnapshotDescription } from '../raft/message.ts';
import type { Position } from '../raft/position.ts';

/** Kinds of entries. A number is never given a second meaning. */
const KIND = { command: 1, empty: 2, configuration: 3 } as const;

/** An entry is at least its header, a kind and a term. */
const ENTRY_BYTES_MIN = 3;

/** Three full lists of the longest member ids, with their headers. */
export const CONFIGURATION_BYTES_MAX = 1 + 3 * (3 + RAFT_LIMITS.membersMax * 9);

/** At least the size of an entry beside its payload or its configuration. */
const ENTRY_BYTES_MAX = 1 + 1 + 9 + 5;

/** At least the encoded size of these entries. */
export function bytesMaxOfEntries(entries: readonly LogEntry[]): number {
  let bytes = entries.length * ENTRY_BYTES_MAX;
  for (const entry of entries) {
    if (entry.kind === 'command') bytes += entry.payload.length;
    else if (entry.kind === 'configuration') bytes += CONFIGURATION_BYTES_MAX;
  }
  return bytes;
}

/** By hand, like entries: in each append and each heartbeat. */
export const POSITION: Schema<Position> = {
  elements: 2,
  bytesMin: 2,
  write: (writer, { index, term }) => {
    writer.count(index);
    writer.count(term);
  },
  read: (reader) => {
    const index = reader.count();
    return { index, term: reader.count() };
  },
};

const MEMBER_LIST = list(count<MemberId>(), { max: RAFT_LIMITS.membersMax });
const MEMBERS: typeof MEMBER_LIST = {
  ...MEMBER_LIST,
  write: (writer, ids) => {
    assert(ids.length <= RAFT_LIMITS.membersMax, 'a configuration is within its limit');
    MEMBER_LIST.write(writer, ids);
  },
};

export const CONFIGURATION: Schema<Configuration> = struct({
  voters: MEMBERS,
  outgoing: MEMBERS,
  learners: MEMBERS,
});

export const SNAPSHOT: Schema<SnapshotDescription> = struct({
  index: count(),
  term: count(),
  configuration: CONFIGURATION,
  configurationAt: POSITION,
});

/** Entries follow `previous`, so their indexes are implied. */
export function writeEntries(writer: Writer, previous: number, entries: readonly LogEntry[]): void {
  assert(entries.length <= WIRE_LIMITS.entriesMax, 'an append is within its limit');
  writer.array(entries.length);
  let index = previous;
  for (const entry of entries) {
    index += 1;
    assert(entry.index === index, 'entries follow each other');
    writeEntry(writer, entry);
  }
}

export function readEntries(reader: Reader, previous: number): readonly LogEntry[] {
  const length = reader.array(WIRE_LIMITS.entriesMax, ENTRY_BYTES_MIN);
  const entries: LogEntry[] = [];
  for (let at = 1; at <= length && !reader.isBroken; at++) {
    entries.push(readEntry(reader, previous + at));
  }
  return entries;
}

function writeEntry(writer: Writer, entry: LogEntry): void {
  switch (entry.kind) {
    case 'command':
      assert(entry.payload.length <= WIRE_LIMITS.payloadBytesMax, 'a payload is within its limit');
      writer.array(3);
      writer.count(KIND.command);
      writer.count(entry.term);
      writer.bytes(entry.payload);
      return;
    case 'empty':
      writer.array(2);
      writer.count(KIND.empty);
      writer.count(entry.term);
      return;
    case 'configuration':
      writer.array(3);
      writer.count(KIND.configuration);
      writer.count(entry.term);
      CONFIGURATION.write(writer, entry.configuration);
      return;
    default:
      unreachable(entry);
  }
}

function readEntry(reader: Reader, index: number): LogEntry {
  const length = reader.array(3, 1);
  const kind = reader.count();
  const term = reader.count();
  if (kind === KIND.command && length === 3) {
    const payload = reader.bytes(WIRE_LIMITS.payloadBytesMax);
    return { index, term, kind: 'command', payload };
  }
  if (kind === KIND.configuration && length === 3) {
    return { index, term, kind: 'configuration', configuration: CONFIGURATION.read(reader) };
  }
  if (kind !== KIND.empty || length !== 2) reader.break();
  return { index, term, kind: 'empty' };
}
