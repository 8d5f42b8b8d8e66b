/** What a request of a client adds to what is stored. Pure. */

import type { StorageExcess, StorageLimitName, StorageLimits } from '../access/storage-limits.ts';
import type { ShardId } from '../base/ids.ts';
import type { Command, Operation } from '../machine/command.ts';

/** The operations for one shard: of a command, or of a part of a transaction. */
export interface StoredPart {
  readonly shard: ShardId;
  readonly operations: Command;
}

export interface Growth {
  keys: number;
  bytes: number;
}

/** The size of a key and its value; 0: there is none; undefined: it cannot be told here. */
type SizeOf = (shard: ShardId, key: Uint8Array) => number | undefined;

/** A bound that needs no read. */
export const UNREAD: SizeOf = () => undefined;

/** Exact for rows whose size is known, except for arithmetic: then at most so much. */
export function growthOf(parts: readonly StoredPart[], sizeOf: SizeOf): Growth {
  const growth = { keys: 0, bytes: 0 };
  for (const { shard, operations } of parts) {
    for (const operation of operations) {
      const { key } = operation;
      const after = sizeAfter(operation);
      if (after === undefined) continue;
      const before = sizeOf(shard, key);
      if (operation.type === 'delete') {
        growth.keys -= (before ?? 0) > 0 ? 1 : 0;
        growth.bytes -= before ?? 0;
      } else if (before === undefined || before === 0) {
        growth.keys += 1;
        growth.bytes += after;
      } else growth.bytes += addedTo(before, operation, after);
    }
  }
  return growth;
}

/** Of a row that the operation makes where there is none; undefined if it makes none. */
function sizeAfter(operation: Operation): number | undefined {
  const { key, type } = operation;
  switch (type) {
    case 'set':
    case 'append':
      return key.length + operation.value.length;
    case 'add':
    case 'min':
    case 'max':
      return key.length + INTEGER_BYTES_MAX;
    case 'delete':
      return 0;
    default:
      return undefined;
  }
}

/** To a row that is there. A counter keeps counting: its few bytes are not worth a refusal. */
function addedTo(before: number, operation: Operation, after: number): number {
  if (operation.type === 'append') return operation.value.length;
  return operation.type === 'set' ? after - before : 0;
}

const INTEGER_BYTES_MAX = 9;

const PART_OF: Readonly<Record<StorageLimitName, keyof Growth>> = {
  storedKeys: 'keys',
  storedBytes: 'bytes',
};

/** The limit that would be exceeded. What does not grow passes, however much is stored. */
export function excessOf(
  limits: StorageLimits,
  used: Readonly<Growth>,
  growth: Readonly<Growth>,
): StorageExcess | undefined {
  for (const limit of ['storedKeys', 'storedBytes'] as const) {
    const [allowed, part] = [limits[limit], PART_OF[limit]];
    const [stored, added] = [used[part], growth[part]];
    if (allowed === 0 || added <= 0 || stored + added <= allowed) continue;
    return { limit, allowed, used: stored, added };
  }
  return undefined;
}
