/** A snapshot of the replica rig's shard, in one chunk. */

import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import type { SnapshotChunk } from '../../src/raft/message.ts';
import { bytesOf } from '../machine/machine-rig.ts';
import { MemoryMedium, StateRig } from '../storage/state-rig.ts';
import { LEADER, PAIR, SELF, SHARD } from './replica-rig.ts';

/** Of the state at this index, which has a row for each entry. */
export async function snapshotOf(index: number): Promise<SnapshotChunk> {
  const other = new StateRig(new MemoryMedium());
  await other.open();
  other.store.create(SHARD, NO_CONFIGURATION);
  for (let at = 1; at <= index; at++) {
    const configuration = at === 1 ? PAIR : undefined;
    const writes = [
      { section: 0, key: bytesOf(`k${at}`), value: Uint8Array.of(0x93, at, 0, 0xc4, 0) },
    ];
    other.store.apply(SHARD, { position: { index: at, term: 1 }, configuration, writes });
  }
  await other.checkpoint();
  const { description, bytes } = await other.exportAll(SHARD, 1 << 20);
  const chunk = { shard: SHARD, from: LEADER, to: SELF, term: 1, snapshot: description };
  return { type: 'snapshot-chunk', ...chunk, offset: 0, data: bytes, isLast: true, round: 1 };
}
