/** The metadata of a shard: its log time, and the arc that it owns. One row. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import type { Arc } from './batch.ts';

export interface ShardMetadata {
  /** The greatest time of any entry applied, in milliseconds. */
  readonly logTime: number;
  /**
   * The lease clock: grows with log time, but counts a bounded part of any gap between two entries.
   * So a minute without a leader costs a lease no more than a moment of it.
   */
  readonly leaseTime: number;
  /** The last adopted epoch; 0 before the first. */
  readonly epoch: number;
  /** Empty before the first. */
  readonly arc: Arc;
  /** The last log time whose entries record their changes; 0 before the first. */
  readonly recordUntil: number;
}

export const NO_METADATA: ShardMetadata = {
  ...{ logTime: 0, leaseTime: 0, recordUntil: 0 },
  ...{ epoch: 0, arc: { from: 0, to: 0 } },
};

/** Log time never goes back, whatever a new leader's clock says. Required: a later time. */
export function passTo(time: number, metadata: ShardMetadata): ShardMetadata {
  const step = Math.min(time - metadata.logTime, COORDINATION_LIMITS.leaseStepMillisecondsMax);
  return { ...metadata, logTime: time, leaseTime: metadata.leaseTime + step };
}

export function writeMetadata(writer: Writer, metadata: ShardMetadata): void {
  const { logTime, epoch, arc, leaseTime, recordUntil } = metadata;
  writer.array(6);
  writer.count(logTime);
  writer.count(epoch);
  writer.count(arc.from);
  writer.count(arc.to);
  writer.count(leaseTime);
  writer.count(recordUntil);
}

/** Undefined for bytes that are no such row. */
export function decodeMetadata(bytes: Uint8Array): ShardMetadata | undefined {
  const reader = new Reader(bytes);
  reader.tuple(6);
  const logTime = reader.count();
  const epoch = reader.count();
  const arc = { from: reader.count(), to: reader.count() };
  const [leaseTime, recordUntil] = [reader.count(), reader.count()];
  const isRow = !reader.isBroken && reader.left === 0;
  return isRow ? { logTime, leaseTime, epoch, arc, recordUntil } : undefined;
}
