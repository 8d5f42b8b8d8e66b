/** Where a request came from, and so where its response goes. */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { Response } from '../wire/response.ts';
import type { Flow } from './fair-queue.ts';

export interface Responder {
  /** What is asked for comes from a client, through however many nodes; absent: from a node. */
  readonly isClient?: boolean;
  /** Called once for each request, at any later time; nothing happens if the asker is gone. */
  respond(response: Response): void;
  /** After a response that came from another node: whom to ask next time. */
  hint?(shard: ShardId, leader: NodeId): void;
  /** Whose turn it is when it is served; none for what no client asked for. */
  readonly share?: Flow | undefined;
}

/** Of what a node asks for on its own account, and looks at again where it matters. */
export const NO_RESPONDER: Responder = { respond() {} };
