/** What the log says of a replica besides its entries, as payloads of records. */

import type { MemberId } from '../../base/ids.ts';
import { count, fields, list, type Schema, struct, text, truth } from '../../base/schema.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { TermRun } from '../../raft/log.ts';
import type { Position } from '../../raft/position.ts';
import type { HardState } from '../../raft/ready.ts';
import { CONFIGURATION, POSITION } from '../../wire/raft-entry.ts';

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

const RUN: Schema<TermRun> = struct({ index: count(), term: count() });
const PLACED: Schema<PlacedConfiguration> = struct({ at: POSITION, configuration: CONFIGURATION });

export const REPLICA_META: Schema<ReplicaMeta> = struct({
  member: count<MemberId>(),
  hardState: fields({ term: count(), vote: count<MemberId>(), commit: count() }),
  mayVote: truth,
  base: POSITION,
  lastIndex: count(),
  runs: list(RUN, { max: RUNS_MAX }),
  configurations: list(PLACED, { max: RUNS_MAX }),
  quarantine: text(TEXT_BYTES_MAX),
});

/** A vote or a tombstone is a member, alone. */
export const MEMBER = count<MemberId>();
