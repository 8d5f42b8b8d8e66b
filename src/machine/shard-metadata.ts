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
  /** The last log time whose entries record their changes; 0 before the first. */
  readonly recordUntil: number;
}

export const NO_METADATA: ShardMetadata = {
  logTime: 0,
  epoch: 0,
  arc: { from: 0, to: 0 },
  recordUntil: 0,
};

export function writeMetadata(writer: Writer, metadata: ShardMetadata): void {
  const { logTime, epoch, arc, recordUntil } = metadata;
  writer.array(5);
  writer.count(logTime);
  writer.count(epoch);
  writer.count(arc.from);
  writer.count(arc.to);
  writer.count(recordUntil);
}

/** Undefined for bytes that are no such row. */
export function decodeMetadata(bytes: Uint8Array): ShardMetadata | undefined {
  const reader = new Reader(bytes);
  reader.tuple(5);
  const logTime = reader.count();
  const epoch = reader.count();
  const arc = { from: reader.count(), to: reader.count() };
  const recordUntil = reader.count();
  return reader.isBroken || reader.left > 0 ? undefined : { logTime, epoch, arc, recordUntil };
}
