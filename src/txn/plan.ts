/** What a transaction needs of which shard, and in which order. Derived from its bytes alone. */

import type { ShardId } from '../base/ids.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Command } from '../machine/command.ts';
import {
  isLocking,
  locksKey,
  type Part,
  type Participant,
  type TransactionRequest,
} from '../machine/transaction.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { WrittenKeys } from '../machine/written-keys.ts';
import { keyPosition } from '../ring/key-position.ts';

/** A part, and the position of its operations among those of all parts. */
export interface PlannedPart {
  readonly shard: ShardId;
  readonly part: Part;
  /** Of its first operation. */
  readonly offset: number;
}

/** A part that locks keys. */
export interface PlannedParticipant extends PlannedPart {
  /** Its index among the participants. */
  readonly at: number;
  /** The home shard's part of a staged transaction. */
  readonly isStaged: boolean;
}

/** Checks of one shard that no lock of the transaction protects. */
export interface PlannedValidation extends PlannedPart {
  readonly checks: Command;
  /** The position of each of them in its part. */
  readonly places: readonly number[];
}

export interface Plan {
  readonly contender: Contender;
  readonly participants: readonly Participant[];
  /** One for each participant; the home shard stands first. */
  readonly parts: readonly PlannedParticipant[];
  /**
   * Evaluated after every key is locked and before the decision, so each check held at the moment
   * when all keys were locked. Checks of locked keys need no validation.
   */
  readonly validations: readonly PlannedValidation[];
  /**
   * The home shard applies its part in the entry that decides, instead of preparing it. False if
   * there is something to validate: its keys would be locked too late for that.
   */
  readonly isHomeLast: boolean;
  /**
   * Parallel commit: the home shard's part is staged while the others are prepared, and then the
   * transaction is committed. Only where all checks lock their keys, and where all outputs are
   * certain to fit in the decision, because it cannot be refused any more.
   */
  readonly isStaged: boolean;
}

/** Approximate size of its prepares in flight: each names all participants. */
export function bytesOf({ parts, participants }: Plan): number {
  return parts.length * participants.length * TRANSACTION_LIMITS.participantBytesMax;
}

interface PlanOptions {
  /**
   * A node may coordinate in either way: the home shard's entries keep both consistent, also where
   * two nodes coordinate the same transaction.
   */
  readonly mayStage: boolean;
}

/** Undefined if the first part locks no key: then there is no home shard. */
export function planOf(
  { client, sequence, attempts, age, parts }: TransactionRequest,
  { mayStage }: PlanOptions,
): Plan | undefined {
  const planned: PlannedPart[] = [];
  let offset = 0;
  for (const part of parts) {
    planned.push({ shard: part.shard as ShardId, part, offset });
    offset += part.operations.length;
  }
  const locking = planned.filter(({ part }) => part.operations.some(isLocking));
  const [first] = planned;
  if (first === undefined || locking[0] !== first) return undefined;
  const participants = locking.map(({ part }) => participantOf(part));
  const [home] = participants;
  if (home === undefined) return undefined;
  const unguarded = planned.flatMap((one) => validationOf(one) ?? []);
  const hasLateChecks = unguarded.some(
    ({ shard, checks }) => shard !== first.shard || checks.some(isRange),
  );
  const isStaged = mayStage && unguarded.length === 0 && canBeStaged(locking);
  return {
    contender: { id: { home: home.position, client, sequence }, attempts, age },
    participants,
    parts: locking.map((one, at) => ({ ...one, at, isStaged: isStaged && at === 0 })),
    validations: hasLateChecks ? unguarded : [],
    isHomeLast: !hasLateChecks && !isStaged,
    isStaged,
  };
}

/** Of a staged transaction whose coordinator is lost: its operations stand in the shards. */
export function planOfStaged(
  { id, attempts, age, participants }: Contender & Pick<Plan, 'participants'>,
  shardAt: (position: number) => ShardId,
): Plan {
  const parts = participants.map(({ position, deadline }, at): PlannedParticipant => {
    const shard = shardAt(position);
    const part = { shard, epoch: 0, deadline, operations: [] };
    return { shard, part, offset: 0, at, isStaged: at === 0 };
  });
  const contender = { id, attempts, age };
  return { contender, participants, parts, validations: [], isHomeLast: false, isStaged: true };
}

function canBeStaged(locking: readonly PlannedPart[]): boolean {
  const { stagedParticipantsMax, stagedOutputsMax, stagedSpreadMilliseconds } = TRANSACTION_LIMITS;
  if (locking.length < 2 || locking.length > stagedParticipantsMax) return false;
  // A participant remembers until its deadline that its part was prevented, so no deadline is far
  // ahead of that of the home shard, which is near by its own log time.
  const deadlines = locking.map(({ part }) => part.deadline);
  if (Math.max(...deadlines) - Math.min(...deadlines) > stagedSpreadMilliseconds) return false;
  let outputs = 0;
  for (const { part } of locking) {
    for (const { type } of part.operations) {
      // A row may be as large as a value.
      if (type === 'get') return false;
      if (!SILENT.includes(type)) outputs += 1;
    }
  }
  return outputs <= stagedOutputsMax;
}

/** Operations without an output; the others have one of a few bytes. */
const SILENT: readonly Command[number]['type'][] = [
  ...(['set', 'fence', 'check-version', 'check-value', 'check-presence'] as const),
];

function participantOf({ operations, deadline }: Part): Participant {
  const key = operations.find(isLocking)?.key ?? NO_BYTES;
  return { position: keyPosition(key), deadline };
}

function validationOf(planned: PlannedPart): PlannedValidation | undefined {
  const { operations } = planned.part;
  if (operations.every(isLocking)) return undefined;
  const locked = new WrittenKeys();
  locked.begin(operations.length);
  for (const operation of operations) if (locksKey(operation)) locked.add(operation.key);
  const places: number[] = [];
  operations.forEach((operation, place) => {
    const isGuarded = isLocking(operation) || (!isRange(operation) && locked.has(operation.key));
    if (!isGuarded) places.push(place);
  });
  if (places.length === 0) return undefined;
  const checks = places.map((place) => operations[place] as Command[number]);
  return { ...planned, checks, places };
}

function isRange({ type }: Command[number]): boolean {
  return type === 'check-range';
}
