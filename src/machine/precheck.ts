/** What a leader can tell about a part before it is proposed: that its checks fail. */

import type { Operation } from './command.ts';
import { doesHold } from './execution.ts';
import type { Fences } from './fences.ts';
import type { LockTable } from './lock-table.ts';
import type { Reply } from './reply.ts';
import { decodeRow } from './row.ts';
import { SECTION, type StateSource } from './section.ts';

interface Now {
  readonly source: StateSource;
  readonly lockTable: LockTable;
  readonly fences: Pick<Fences, 'highest'>;
}

/**
 * The first check or fence that does not hold now, of a key or name that is not locked: while it is
 * locked, clients may have seen another value than the one that is stored.
 */
export function failingCheck(
  operations: readonly Operation[],
  { source, lockTable, fences }: Now,
): Extract<Reply, { type: 'check-failed' }> | undefined {
  for (const [position, operation] of operations.entries()) {
    if (operation.type === 'fence' && lockTable.holderFor(operation) === undefined) {
      const version = fences.highest(operation.name);
      if (version > operation.token) return { type: 'check-failed', position, version };
    }
    const { type, key } = operation;
    if (type !== 'check-version' && type !== 'check-value' && type !== 'check-presence') continue;
    if (lockTable.holderOf(key) !== undefined) continue;
    const bytes = source.get(SECTION.values, key);
    const row = bytes === undefined ? undefined : decodeRow(bytes);
    // Applying the command reports a damaged row.
    if (bytes !== undefined && row === undefined) return undefined;
    if (doesHold(operation, row)) continue;
    return { type: 'check-failed', position, version: row?.version ?? 0 };
  }
  return undefined;
}
