/** All events of a node. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Frame } from './network.ts';
import type { Order, Request } from './request.ts';

export type Input =
  | { readonly type: 'frame'; readonly frame: Frame }
  | { readonly type: 'tick' }
  | { readonly type: 'durable'; readonly operation: number }
  /** The state store wrote a shard through this index. */
  | { readonly type: 'checkpointed'; readonly shard: ShardId; readonly index: number }
  /** A row of a shard is corrupted. */
  | { readonly type: 'corrupt'; readonly shard: ShardId }
  | { readonly type: 'drain'; readonly shard: ShardId }
  | { readonly type: 'broken'; readonly peer: number }
  | { readonly type: 'request'; readonly request: Request }
  | { readonly type: 'lease'; readonly request: Request; readonly read: LeaseRead }
  | { readonly type: 'order'; readonly order: Order };

/** What was read before the lease was checked. */
export interface LeaseRead {
  readonly values: readonly number[];
  readonly applied: number;
}

/** Their numbers in the trace. */
export const INPUT_KINDS: readonly Input['type'][] = [
  'frame',
  'tick',
  'durable',
  'checkpointed',
  'corrupt',
  'drain',
  'broken',
  'request',
  'lease',
  'order',
];
