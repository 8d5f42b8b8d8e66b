/** The metadata of a shard: its log time, and the arc that it owns. One row. */

import { Reader, type Writer } from '../base/message-pack.ts';
import type { Arc } from './batch.ts';

export interface ShardMetadata {
  /** The greatest time of any entry applied, in milliseconds. */
  readonly logTime: number;
  /** The last adopted epoch; 0 before the first. */
  readonly epoch: number;
  /** Empty before the first. */
  readonly arc: Arc;
}

export const NO_METADATA: ShardMetadata = { logTime: 0, epoch: 0, arc: { from: 0, to: 0 } };

export function writeMetadata(writer: Writer, { logTime, epoch, arc }: ShardMetadata): void {
  writer.array(4);
  writer.count(logTime);
  writer.count(epoch);
  writer.count(arc.from);
  writer.count(arc.to);
}

/** Undefined for bytes that are no such row. */
export function decodeMetadata(bytes: Uint8Array): ShardMetadata | undefined {
  const reader = new Reader(bytes);
  reader.tuple(4);
  const logTime = reader.count();
  const epoch = reader.count();
  const arc = { from: reader.count(), to: reader.count() };
  return reader.isBroken || reader.left > 0 ? undefined : { logTime, epoch, arc };
}
