/** Where a request came from, and so where its response goes. */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { Response } from '../wire/response.ts';
import type { Flow } from './fair-queue.ts';

export interface Responder {
  /** The request comes from a client, possibly through other nodes; absent: from a node. */
  readonly isClient?: boolean;
  /** Called once for each request, at any later time; does nothing if the requester is gone. */
  respond(response: Response): void;
  /** After a response that came from another node: which node leads the shard. */
  hint?(shard: ShardId, leader: NodeId): void;
  /** The flow that is charged for it; undefined for a request that comes from no client. */
  readonly share?: Flow | undefined;
}

/** For the node's own requests, whose results it checks elsewhere. */
export const NO_RESPONDER: Responder = { respond() {} };
