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
}

/** Approximate size of its prepares in flight: each names all participants. */
export function bytesOf({ parts, participants }: Plan): number {
  return parts.length * participants.length * TRANSACTION_LIMITS.participantBytesMax;
}

/** Undefined if the first part locks no key: then there is no home shard. */
export function planOf({
  client,
  sequence,
  attempts,
  age,
  parts,
}: TransactionRequest): Plan | undefined {
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
  return {
    contender: { id: { home: home.position, client, sequence }, attempts, age },
    participants,
    parts: locking.map((one, at) => ({ ...one, at })),
    validations: hasLateChecks ? unguarded : [],
    isHomeLast: !hasLateChecks,
  };
}

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
