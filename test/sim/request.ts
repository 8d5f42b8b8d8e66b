/** The requests of a client to a node, and the responses. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Target } from '../../src/raft/configuration.ts';
import type { Operation, Reply } from './operation.ts';

export interface Request {
  readonly shard: ShardId;
  readonly operation: Operation;
  /** The command, encoded once. */
  readonly payload: Uint8Array;
  readonly isLease: boolean;
  readonly answer: (response: Response) => void;
}

export type Response =
  /** `index` is the entry's own, or for a read the one through which the machine had applied. */
  | { readonly type: 'ok'; readonly reply: Reply; readonly index: number }
  /** It was not executed and never will be. */
  | { readonly type: 'failed'; readonly leader: number | undefined };

/** Orders of the operator to a node. */
export type Order =
  | { readonly type: 'create'; readonly shard: ShardId; readonly isFirst: boolean }
  | { readonly type: 'destroy'; readonly shard: ShardId }
  | {
      readonly type: 'change';
      readonly shard: ShardId;
      readonly target: Target;
    }
  | { readonly type: 'transfer'; readonly shard: ShardId; readonly to: MemberId }
  | { readonly type: 'campaign'; readonly shard: ShardId }
  | { readonly type: 'checkpoint'; readonly shard: ShardId }
  | { readonly type: 'scrub'; readonly shard: ShardId; readonly index: number };
