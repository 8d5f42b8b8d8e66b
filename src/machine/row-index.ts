/** The index rows of a key: they lead to it from its time of expiry, and from its lease. */

import { assert } from '../base/assert.ts';
import { areEqual } from '../base/bytes.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { dueKeyOf } from './due-key.ts';
import { attachmentKeyOf } from './lease.ts';
import type { Row } from './row.ts';
import { type RowWrite, SECTION } from './section.ts';

/** What ends a row without a command. */
type Ending = Pick<Row, 'expiresAt' | 'lease'>;
/** Also that of a key that is not there. */
export const ENDLESS: Ending = { expiresAt: 0, lease: undefined };

/** A lost row leaves its index rows to go stale. */
export function reindex(
  key: Uint8Array,
  row: Row | 'lost' | undefined,
  after: Ending,
  writes: RowWrite[],
): void {
  const before = row === 'lost' || row === undefined ? ENDLESS : row;
  if (before.expiresAt !== after.expiresAt) {
    writeExpiry(before.expiresAt, key, undefined, writes);
    writeExpiry(after.expiresAt, key, NO_BYTES, writes);
  }
  const [former, lease] = [before.lease, after.lease];
  if (former !== undefined && lease !== undefined && areEqual(former, lease)) return;
  writeAttachment(former, key, undefined, writes);
  writeAttachment(lease, key, NO_BYTES, writes);
}

function writeExpiry(
  expiresAt: number,
  key: Uint8Array,
  value: Uint8Array | undefined,
  writes: RowWrite[],
): void {
  if (expiresAt === 0) return;
  assert(expiresAt <= 2 * MACHINE_LIMITS.timeMax, 'a time of expiry is a count');
  writes.push({ section: SECTION.expiries, key: dueKeyOf({ expiresAt, key }), value });
}

function writeAttachment(
  lease: Uint8Array | undefined,
  key: Uint8Array,
  value: Uint8Array | undefined,
  writes: RowWrite[],
): void {
  if (lease === undefined) return;
  writes.push({ section: SECTION.attachments, key: attachmentKeyOf(lease, key), value });
}
