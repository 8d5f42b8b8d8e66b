/** Requests about leases and locks beside writes: keepalives, waits for tickets, listings. */

import { NODE_LIMITS } from '../base/node-limits.ts';
import { SHARD_LIMITS } from '../shard/limits.ts';
import type { Requester } from '../shard/proposals.ts';
import type { Replica } from '../shard/replica.ts';
import type { NodeState } from './node-state.ts';
import type { Asked, Router } from './router.ts';

interface Served {
  readonly replica: Replica;
  readonly requester: Requester;
}

/** All are served by the leader of their shard, or forwarded to it. */
export class CoordinationRequests {
  readonly #node: NodeState;
  readonly #router: Router;

  constructor(node: NodeState, router: Router) {
    this.#node = node;
    this.#router = router;
  }

  /** On a full disk and while the node is closing, too: leases must not end for that. */
  keep(asked: Asked<'keep'>): void {
    const { leases, epoch } = asked.request;
    const served = this.#servedBy(asked);
    served?.replica.keep({ requester: served.requester, leases }, epoch);
  }

  awaitTicket(asked: Asked<'await-ticket'>): void {
    const { name, ticket, patienceMilliseconds } = asked.request;
    const patience = Math.min(patienceMilliseconds, SHARD_LIMITS.awaitMillisecondsMax);
    const until = this.#node.now + patience;
    const served = this.#servedBy(asked);
    served?.replica.awaitTicket({ requester: served.requester, name, ticket, until });
  }

  list(asked: Asked<'coordination'>): void {
    const { what, after, rowsMax } = asked.request;
    const until = this.#node.now + NODE_LIMITS.forwardMilliseconds;
    const served = this.#servedBy(asked);
    if (served === undefined) return;
    const { replica, requester } = served;
    replica.read({ requester, until, what: { type: 'coordination', what, after, rowsMax } });
  }

  #servedBy(asked: Asked<'keep' | 'await-ticket' | 'coordination'>): Served | undefined {
    const { request, responder } = asked;
    const { id, shard, epoch } = request;
    const replica = this.#router.leaderHere(shard);
    if (replica === undefined) {
      this.#router.pass(asked);
      return undefined;
    }
    const requester = { responder, id };
    if (this.#router.rowOf(shard)?.epoch === epoch) return { replica, requester };
    replica.fail(requester, 'not-here');
    return undefined;
  }
}
