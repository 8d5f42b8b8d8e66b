/** What the log says of a replica besides its entries, as payloads of records. */

import type { MemberId } from '../../base/ids.ts';
import { Reader, Writer } from '../../base/message-pack.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { TermRun } from '../../raft/log.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { Position } from '../../raft/position.ts';
import type { HardState } from '../../raft/ready.ts';
import { readPosition, readSnapshot, writePosition, writeSnapshot } from '../../wire/raft-entry.ts';

/** Everything about a replica that a segment's checkpoint holds. */
export interface ReplicaMeta {
  readonly member: MemberId;
  readonly hardState: HardState;
  readonly mayVote: boolean;
  readonly base: Position;
  readonly lastIndex: number;
  readonly runs: readonly TermRun[];
  /** In force at the base, then each one in the log. */
  readonly configurations: readonly PlacedConfiguration[];
  /** Why this replica cannot be used; empty if it can. */
  readonly quarantine: string;
}

/** More than any log holds: each takes an election or a change. */
const RUNS_MAX = 1 << 20;
const TEXT_BYTES_MAX = 1024;
const FIELDS = 9;
const SNAPSHOT_BYTES_MIN = 8;

/** Kept, so that a payload costs one copy; it is never held across a call. */
const writer = new Writer();

export function encodeReplica(meta: ReplicaMeta): Uint8Array {
  const { member, hardState, mayVote, base, lastIndex, runs, configurations } = meta;
  writer.array(FIELDS);
  writer.count(member);
  writer.count(hardState.term);
  writer.count(hardState.vote);
  writer.count(hardState.commit);
  writer.truth(mayVote);
  const [first, ...others] = configurations;
  writer.array(first === undefined ? 0 : configurations.length);
  if (first !== undefined) writeSnapshot(writer, described(first, base));
  for (const placed of others) writeSnapshot(writer, described(placed, placed.at));
  writer.count(lastIndex);
  writer.array(runs.length);
  for (const run of runs) writePosition(writer, run);
  writer.bytes(new TextEncoder().encode(meta.quarantine).subarray(0, TEXT_BYTES_MAX));
  return writer.take();
}

export function decodeReplica(payload: Uint8Array): ReplicaMeta | undefined {
  const reader = new Reader(payload);
  reader.tuple(FIELDS);
  const member = reader.count() as MemberId;
  const term = reader.count();
  const vote = reader.count() as MemberId;
  const commit = reader.count();
  const mayVote = reader.truth();
  const configurations: PlacedConfiguration[] = [];
  let base: Position = { index: 0, term: 0 };
  const placedCount = reader.array(RUNS_MAX, SNAPSHOT_BYTES_MIN);
  for (let at = 0; at < placedCount && !reader.isBroken; at++) {
    const { index, term: placedTerm, configuration, configurationAt } = readSnapshot(reader);
    if (at === 0) base = { index, term: placedTerm };
    configurations.push({ at: configurationAt, configuration });
  }
  const lastIndex = reader.count();
  const runCount = reader.array(RUNS_MAX, 2);
  const runs: TermRun[] = [];
  for (let at = 0; at < runCount && !reader.isBroken; at++) runs.push(readPosition(reader));
  const quarantine = new TextDecoder().decode(reader.bytes(TEXT_BYTES_MAX));
  if (reader.isBroken || reader.left > 0) return undefined;
  const hardState = { term, vote, commit };
  return { member, hardState, mayVote, base, lastIndex, runs, configurations, quarantine };
}

function described(placed: PlacedConfiguration, { index, term }: Position): SnapshotDescription {
  const { configuration, at } = placed;
  return { index, term, configuration, configurationAt: at };
}

/** A restart's position and configuration, and a configuration entry's, in one form. */
export function encodeSnapshot(snapshot: SnapshotDescription): Uint8Array {
  writeSnapshot(writer, snapshot);
  return writer.take();
}

export function decodeSnapshot(payload: Uint8Array): SnapshotDescription | undefined {
  const reader = new Reader(payload);
  const snapshot = readSnapshot(reader);
  return reader.isBroken || reader.left > 0 ? undefined : snapshot;
}

/** A vote or a tombstone is a member, alone. */
export function encodeMember(member: MemberId): Uint8Array {
  writer.count(member);
  return writer.take();
}

export function decodeMember(payload: Uint8Array): MemberId | undefined {
  const reader = new Reader(payload);
  const member = reader.count() as MemberId;
  return reader.isBroken || reader.left > 0 ? undefined : member;
}
