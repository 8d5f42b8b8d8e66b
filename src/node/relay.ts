/** Requests for other nodes: which node to ask, and what becomes of them. */

import { NO_MEMBER, type NodeId, type ShardId } from '../base/ids.ts';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import type { Responder } from '../shard/responder.ts';
import { isForward, type NodeMessage } from '../wire/node-message.ts';
import type { Request } from '../wire/request.ts';
import { Forwards, type Send } from './forwards.ts';
import { LeaderCache } from './leader-cache.ts';
import type { NodeState } from './node-state.ts';

export class Relay {
  readonly #node: NodeState;
  readonly #leaders = new LeaderCache();
  readonly forwards: Forwards;

  /** `firstId`: where the ids of requests begin. */
  constructor(node: NodeState, firstId: number) {
    this.#node = node;
    const send: Send = (to, message, how) => node.tell(to, message, how);
    const onMissed = (shard: ShardId, leader: number) => this.#leaders.learn(shard, leader);
    this.forwards = new Forwards({ send, firstId, onMissed });
  }

  /** The node that leads a shard, as far as known; undefined if unknown, or if it is this node. */
  leaderOf(shard: ShardId): NodeId | undefined {
    const { replicas, map, self } = this.#node;
    const known = replicas.get(shard)?.leader ?? NO_MEMBER;
    const row = map?.shards[shard];
    const node = known === NO_MEMBER ? undefined : this.#node.nodeOfMember(shard, known);
    const guess = node ?? (row === undefined ? undefined : this.#leaders.guess(row));
    return guess === self.node ? undefined : guess;
  }

  /** False if it did not leave. */
  forward(to: NodeId, request: Request, responder: Responder): boolean {
    // A silent peer cannot answer, though it may receive the request.
    if (!this.#node.isHeard(to)) {
      this.#leaders.learn('shard' in request ? request.shard : CATALOG_SHARD, 0);
      return false;
    }
    const { now, map } = this.#node;
    const accessVersion = map?.access?.version ?? 0;
    return this.forwards.send(to, { request, responder, now, accessVersion });
  }

  /** Fails a request that did not leave the node. */
  unsent(messages: readonly NodeMessage[]): void {
    for (const message of messages) {
      if (isForward(message)) this.forwards.unsent(message.id);
      else if (message.type === 'ask') {
        this.#node.replicas.get(message.shard)?.told(message.id, 0);
      }
    }
  }
}
