/** Ids of tickets: no two tickets of one lock may have the same, whatever clients draw them. */

import { COORDINATION_LIMITS } from '../../../base/coordination-limits.ts';
import { hash } from '../../../base/hash.ts';
import { Random } from '../../../base/random.ts';

/** Both halves of an id come from a stream of their own, seeded by all bytes of the client's id. */
export class TicketIds {
  readonly #high: Random;
  readonly #low: Random;

  /** Required: 16 random bytes that no other client draws. */
  constructor({ client }: { readonly client: Uint8Array }) {
    this.#high = new Random(hash(client, 1));
    this.#low = new Random(hash(client, 2));
  }

  draw(): number {
    return this.#high.below(HALF) * HALF + this.#low.below(HALF);
  }
}

const HALF = Math.sqrt(COORDINATION_LIMITS.ticketIdMax + 1);
