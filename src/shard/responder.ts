/** Where a request came from, and so where its response goes. */

import type { Principal } from '../access/principal.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import type { Response } from '../wire/response.ts';
import type { Flow } from './fair-queue.ts';

export interface Responder {
  /** The request comes from a client, possibly through other nodes; absent: from a node. */
  readonly isClient?: boolean;
  /** Who the client is; undefined if it is unknown, or for a request of a node. */
  readonly principal?: Principal | undefined;
  /** The address and port that a client connects from; absent or empty if unknown. */
  readonly address?: string;
  /**
   * Called once for each request, at any later time, and several times for a stream; does nothing
   * if the requester is gone.
   */
  respond(response: Response): void;
  /** After a response that came from another node: which node leads the shard. */
  hint?(shard: ShardId, leader: NodeId): void;
  /** Whether this client may have a node of that name join; absent: it may. */
  mayBringNode?(name: string): boolean;
  /** Undefined for a requester that takes one response to each request. */
  readonly streams?: ResponderStreams;
  /** The flow that is charged for it; undefined for a request that comes from no client. */
  readonly share?: Flow | undefined;
}

/** The open streams of one client, by the ids of their requests. */
export interface ResponderStreams {
  /** Whether there is room for one more, with so many bytes of its range. */
  admits(rangeBytes: number): boolean;
  attach(id: number, stream: StreamHandle, rangeBytes: number): void;
  of(id: number): StreamHandle | undefined;
  /** Its client has cancelled it. */
  detach(id: number): void;
}

/** An open stream, as its client steers it. */
export interface StreamHandle {
  /** The client takes so many more bytes. */
  grant(bytes: number): void;
  /** The client wants to know when everything through this index was sent. */
  reach(index: number): void;
  /** No response follows. */
  cancel(): void;
}

/** For the node's own requests, whose results it checks elsewhere. */
export const NO_RESPONDER: Responder = { respond() {} };
