/** The snapshots of a shard that another replica can build on. */

import type { ShardId } from '../base/ids.ts';
import type { SnapshotReader } from '../raft/ready.ts';
import type { StateStore } from '../storage/state/state-store.ts';

/**
 * A new replica does not know the first configuration, which is in no log. A checkpoint from before
 * the entry that added it names no voters, so the new replica could not verify any leader.
 */
export function soundSnapshots(shard: ShardId, store: StateStore): SnapshotReader {
  const snapshots = store.snapshots(shard);
  return {
    open: (from) => {
      const opened = snapshots.open(from);
      if (opened === 'later') return 'later';
      if (opened !== undefined && opened.configuration.voters.length > 0) return opened;
      if (opened !== undefined) snapshots.release(opened.index);
      store.checkpoint();
      return undefined;
    },
    read: (piece) => snapshots.read(piece),
    release: (index) => snapshots.release(index),
  };
}
