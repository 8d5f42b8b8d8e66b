/** Finds the records of the log in the files themselves, so that chosen ones can be corrupted. */

import type { ShardId } from '../../src/base/ids.ts';
import {
  decodeHardStates,
  HARD_STATE_FILES,
  isAtOrAfter,
} from '../../src/storage/log/hard-state.ts';
import {
  isEntry,
  KIND,
  type RecordHeader,
  recordBufferOf,
} from '../../src/storage/log/log-record.ts';
import { scanSegment } from '../../src/storage/log/log-scan.ts';
import { decodePreamble, epochOf } from '../../src/storage/log/log-segment.ts';
import type { MemoryFiles } from '../support/twins/memory-files.ts';

/** A record on which a replica may still rely. */
export interface Buried {
  readonly name: string;
  readonly epoch: number;
  readonly header: RecordHeader;
}

export interface Site {
  /** In the order in which they were written. */
  readonly records: readonly Buried[];
  /**
   * The last batch, if the hard-state files may not yet record that it is durable. Damage to it
   * looks like a torn write: see the README of the log, "What remains".
   */
  readonly unconfirmed: { readonly name: string; readonly offset: number } | undefined;
}

export function dig(files: MemoryFiles): Site {
  const image = files.image();
  const segments = [...image]
    .map(([name, bytes]) => ({ name, bytes, epoch: epochOf(name) ?? 0 }))
    .filter(({ epoch }) => epoch > 0)
    .sort((one, other) => one.epoch - other.epoch);
  const records: Buried[] = [];
  let unconfirmed: Site['unconfirmed'];
  for (const { name, bytes, epoch } of segments) {
    const preamble = decodePreamble(bytes);
    if (preamble === undefined) continue;
    const batches = scanSegment(recordBufferOf(bytes), preamble.header);
    for (const batch of batches) {
      for (const header of batch.records) records.push({ name, epoch, header });
    }
    const last = batches.at(-1);
    if (last === undefined) continue;
    const isConfirmed = HARD_STATE_FILES.every((file) => {
      const promises = decodeHardStates(image.get(file) ?? new Uint8Array(0));
      const position = { epoch, batch: last.number };
      return promises !== undefined && isAtOrAfter(promises.confirmed, position);
    });
    unconfirmed = isConfirmed ? undefined : { name, offset: last.start };
  }
  return { records, unconfirmed };
}

export function isConfirmed({ unconfirmed }: Site, { name, header }: Buried): boolean {
  return unconfirmed?.name !== name || header.offset < unconfirmed.offset;
}

/** Where an entry was written last. */
export function findEntry(
  { records }: Site,
  entry: { readonly shard: ShardId; readonly index: number; readonly term: number },
): Buried | undefined {
  return records.findLast(({ header }) => {
    const isThat = header.shard === entry.shard && header.index === entry.index;
    return isThat && header.term === entry.term && isEntry(header.kind);
  });
}

/** The last record of a shard's term and vote, with or without its other metadata. */
export function findPromise({ records }: Site, shard: ShardId): Buried | undefined {
  return records.findLast(({ header: { shard: whose, kind } }) => {
    return whose === shard && (kind === KIND.hardState || kind === KIND.shard);
  });
}
