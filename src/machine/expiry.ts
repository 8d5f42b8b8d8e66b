/** The expiry of one row, when an entry of the log names its due key. */

import { present } from '../base/assert.ts';
import { decodeDueKey } from './due-key.ts';
import type { ChangeRecorder } from './key-change.ts';
import type { LockTable } from './lock-table.ts';
import { decodeRow } from './row.ts';
import { LOST, type RowWrite, SECTION, type StateSource } from './section.ts';
import type { WorkMeter } from './work.ts';

export interface ExpiryContext {
  readonly source: StateSource;
  /** The index of the entry. */
  readonly version: number;
  readonly logTime: number;
  readonly lockTable: LockTable;
  readonly work: WorkMeter;
  readonly recorder: ChangeRecorder;
}

/** Deletes the row only if its own expiry is due now; deletes the index row as well. */
export function expireRow(dueKey: Uint8Array, context: ExpiryContext, writes: RowWrite[]): void {
  const { source, version, logTime, lockTable, work, recorder } = context;
  const due = decodeDueKey(dueKey);
  if (due === undefined || due.expiresAt > logTime) return;
  // The key is found due again once the transaction that locks it is resolved.
  if (lockTable.holderOf(due.key) !== undefined) return;
  const bytes = source.get(SECTION.values, due.key);
  // The expiry is lost with the row: the key stays until it is written or deleted.
  if (bytes === LOST) return;
  work.add(bytes?.length ?? 0);
  const row = bytes === undefined ? undefined : present(decodeRow(bytes), 'a row is one');
  if (row?.expiresAt === due.expiresAt) {
    const { version: removed } = row;
    writes.push({ section: SECTION.values, key: due.key, value: undefined, removed });
    recorder.noteEnd('expired', due.key, removed, version);
  }
  writes.push({ section: SECTION.expiries, key: dueKey, value: undefined });
}
