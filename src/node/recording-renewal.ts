/** A replica with streams asks the leader of its shard to record changes for longer. */

import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Replica } from '../shard/replica.ts';
import { NO_RESPONDER } from '../shard/responder.ts';
import type { NodeState } from './node-state.ts';
import type { Router } from './router.ts';

/** No key lies in it, so the barrier waits for no transaction. */
const NO_KEYS = { from: Uint8Array.of(0), to: Uint8Array.of(0, 0) };

/** Unanswered it is asked again: the replica reports that again and again. */
export function renewRecording(
  { shard }: Replica,
  { node, router }: { readonly node: NodeState; readonly router: Router },
): void {
  const epoch = router.rowOf(shard)?.epoch;
  if (epoch === undefined || node.isClosing) return;
  const patienceMilliseconds = NODE_LIMITS.patienceMilliseconds;
  const about = { id: 1, shard, epoch, ...NO_KEYS, isRecording: true, patienceMilliseconds };
  router.route({ type: 'barrier', ...about }, { responder: NO_RESPONDER, isForwarded: false });
}
