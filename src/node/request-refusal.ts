/** Why a leader refuses to propose a request: it has not taken effect. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { type Arc, type BatchFault, decodeBatch, faultOfCommand } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import type { Reply } from '../machine/reply.ts';
import { makesRoom } from '../shard/full-disk.ts';
import type { ShardMachine } from '../shard/shard-machine.ts';
import type { Failure } from '../wire/response.ts';

interface Terms {
  readonly arc: Arc;
  readonly valueBytesMax: number;
  /** The disk is nearly full: only requests that free space are accepted. */
  readonly isReadOnly: boolean;
}

export function refusalOf(command: Command, { isReadOnly, ...terms }: Terms): Failure | undefined {
  const fault = faultOfCommand(command, terms);
  if (fault !== undefined) return FAILURE_OF[fault];
  return isReadOnly && !makesRoom(command) ? 'read-only' : undefined;
}

/**
 * The replies to a batch of nothing but tickets for which there is no room: however many clients
 * queue at a lock, those that cannot wait there cost no entry. Not remembered, as the machine's
 * own refusal is: another copy of the batch may still be executed.
 */
export function refusedAcquires(
  bytes: Uint8Array,
  { coordination }: Pick<ShardMachine, 'coordination'>,
): readonly Reply[] | undefined {
  const tickets = coordination?.tickets;
  // No bound is below it, so most shards need not look at the batch.
  if (tickets === undefined || tickets.size < FULL_FROM) return undefined;
  const commands = decodeBatch(bytes)?.commands ?? [];
  const areAll = commands.every(([operation]) => {
    return operation?.type === 'acquire' && tickets.answerTo(operation, 1) === 'tickets-full';
  });
  if (!areAll) return undefined;
  return commands.map(() => ({ type: 'refused', reason: 'tickets-full', position: 0 }));
}

const FULL_FROM = Math.min(
  COORDINATION_LIMITS.ticketsMax,
  COORDINATION_LIMITS.ticketsOfLockMax,
  COORDINATION_LIMITS.ticketsOfLeaseMax,
);

export const FAILURE_OF: Readonly<Record<BatchFault, Failure>> = {
  malformed: 'malformed',
  'value-too-large': 'too-large',
  'key-elsewhere': 'not-here',
};
