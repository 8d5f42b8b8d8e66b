/** What the log records of a replica besides its entries. */

import type { MemberId } from '../../base/ids.ts';
import { count, fields, list, type Schema, struct, text, truth } from '../../base/schema.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { TermRun } from '../../raft/log.ts';
import type { Position } from '../../raft/position.ts';
import type { HardState } from '../../raft/ready.ts';
import { CONFIGURATION, POSITION } from '../../wire/raft-entry.ts';

/** All metadata of a replica, as a segment's checkpoint contains it. */
export interface ReplicaMeta {
  readonly member: MemberId;
  readonly hardState: HardState;
  readonly mayVote: boolean;
  readonly base: Position;
  readonly lastIndex: number;
  readonly runs: readonly TermRun[];
  /** The configuration in force at the base, then each one in the log. */
  readonly configurations: readonly PlacedConfiguration[];
  /** Why this replica cannot be used; empty if it can. */
  readonly quarantine: string;
}

/** More than any log has: each run takes an election, each configuration a change. */
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

/** The payload of a vote or of a tombstone. */
export const MEMBER = count<MemberId>();
