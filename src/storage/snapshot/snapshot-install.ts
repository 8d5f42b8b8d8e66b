/** An incoming snapshot: rows are written into their own generation, which becomes the state. */

import { assert, present } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { compare } from '../files/byte-order.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { StateBatches } from '../state/state-batch.ts';
import type { DiskBatch, DiskRow, ReadLimits } from '../state/state-disk.ts';
import { isSameHash, StateSums } from '../state/state-hash.ts';
import { type Job, type JobOptions, writeBatch } from '../state/state-job.ts';
import { type Place, PREFIX_BYTES } from '../state/state-key.ts';
import type { RecordedState, ShardMeta } from '../state/state-meta.ts';
import { putRecord, WORDS_BYTES } from '../state/state-record.ts';
import { SnapshotParser, type SnapshotRow } from './snapshot-format.ts';

/**
 * - `coming`: more bytes, or more time to write them, are needed;
 * - `sound`: all rows are on disk and match the sender's hash;
 * - `unsound`: it is not a snapshot of this position, or was damaged in transit;
 * - `over`: it became the state, or was abandoned.
 */
type InstallStatus = 'coming' | 'sound' | 'unsound' | 'over';

interface SnapshotInstallOptions {
  readonly place: Place;
  readonly description: SnapshotDescription;
  /** The received bytes of all incoming snapshots that are not rows yet. */
  readonly queuedBytes: () => number;
}

export class SnapshotInstall {
  readonly place: Place;
  readonly description: SnapshotDescription;
  readonly #parser: SnapshotParser;
  readonly #sums = new StateSums();
  #isUnordered = false;
  #last: Uint8Array | undefined;
  #offset = 0;
  /** Rows that were submitted to the disk and are not durable yet. */
  #unwritten = 0;
  #rows: DiskRow[] = [];
  readonly #queuedBytes: () => number;
  isOver = false;
  /** Called when the switch is durable; set when the switch was requested. */
  switched: (() => void) | undefined;

  constructor({ place, description, queuedBytes }: SnapshotInstallOptions) {
    this.place = place;
    this.#queuedBytes = queuedBytes;
    this.description = description;
    this.#parser = new SnapshotParser(description, (row) => this.#takeRow(row));
  }

  /** The number of received bytes: the offset of the next piece. */
  get offset(): number {
    return this.#offset;
  }

  /** It waits for the disk or for processing time, not for the sender. */
  get isBusy(): boolean {
    return this.hasRows || this.#unwritten > 0;
  }

  get status(): InstallStatus {
    if (this.isOver) return 'over';
    if (this.#parser.isBroken || this.#isUnordered) return 'unsound';
    const { end } = this.#parser;
    if (end === undefined || this.#parser.canParse) return 'coming';
    const hash = this.#sums.hash();
    if (hash === undefined || !isSameHash(hash, end)) return 'unsound';
    return this.#unwritten > 0 ? 'coming' : 'sound';
  }

  /** Whether another piece may come now; otherwise the received bytes wait for the disk. */
  get hasRoom(): boolean {
    // An incomplete row needs the rest of it, however large it is.
    return !this.hasRows || this.#queuedBytes() < STATE_LIMITS.installQueueBytesMax;
  }

  /** Received bytes that are not rows yet. */
  get queuedBytes(): number {
    return this.isOver ? 0 : this.#parser.bytes;
  }

  /** Received rows are waiting to be processed. */
  get hasRows(): boolean {
    return !this.isOver && !this.#isUnordered && this.#parser.canParse;
  }

  /** The next bytes of the stream. */
  take(data: Uint8Array): void {
    if (this.status !== 'coming') return;
    this.#offset += data.length;
    this.#parser.push(data);
  }

  /** A slice of received rows for the disk; they count as unwritten until `wrote`. */
  takeRows(limits: ReadLimits): readonly DiskRow[] {
    this.#rows = [];
    if (!this.isOver) this.#parser.parse(limits);
    this.#unwritten += this.#rows.length;
    return this.#rows;
  }

  wrote(rows: number): void {
    this.#unwritten -= rows;
    assert(this.#unwritten >= 0, 'no more rows are written than were received');
  }

  recording(): RecordedState {
    assert(this.status === 'sound', 'only a complete and verified snapshot becomes the state');
    return { description: this.description, hash: this.#sums.hash(), isCondemned: false };
  }

  #takeRow({ section, key, value }: SnapshotRow): void {
    const stored = this.place.key(section, key);
    if (this.#last !== undefined && compare(this.#last, 0, stored, 0) >= 0) {
      this.#isUnordered = true;
      return;
    }
    this.#last = stored;
    const record = putRecord(new Uint8Array(WORDS_BYTES + value.length), this.place, stored, value);
    this.#sums.add(section, this.place, record);
    this.#rows.push([stored, record]);
    assert(stored.length >= PREFIX_BYTES, 'a stored key has its prefix');
  }
}

interface InstallJobOptions extends JobOptions {
  readonly install: SnapshotInstall;
}

const SLICE = { rowsMax: STATE_LIMITS.sliceRows, bytesMax: STATE_LIMITS.sliceBytes };

/** Writes received rows of an incoming snapshot, up to a batch. */
export function* installRows({ install, batches, onProgress }: InstallJobOptions): Job {
  // Begun with the first row: a batch that is never written would stay in memory.
  let batch: DiskBatch | undefined;
  let [count, bytes] = [0, 0];
  for (;;) {
    for (const [key, record] of install.takeRows(SLICE)) {
      batch ??= batches.begin();
      batch.put(key, record);
      bytes += key.length + record.length;
      count += 1;
    }
    if (!install.hasRows || bytes >= STATE_LIMITS.installBatchBytes) break;
    yield 'again';
  }
  // Only the header or the end of the stream was parsed.
  if (batch === undefined) return onProgress();
  const { shard, generation } = install.place;
  const record = recordOf(install, batches);
  const changes = new Map<ShardId, ShardMeta>();
  // From the first row on the record lists the generation as unused.
  if (!record.leftovers.includes(generation)) {
    changes.set(shard, { ...record, leftovers: [...record.leftovers, generation] });
  }
  yield* writeBatch({ batches, batch, changes, onDone: () => install.wrote(count), onProgress });
}

/** Makes a generation the state of its shard: one record, in one batch. */
export function switchGeneration(
  options: InstallJobOptions & { readonly onDone: () => void },
): Job {
  const { install, batches } = options;
  const { shard, generation } = install.place;
  const record = recordOf(install, batches);
  const others = record.leftovers.filter((each) => each !== generation);
  const leftovers = [...others, record.generation];
  const changes = new Map([[shard, { generation, leftovers, state: install.recording() }]]);
  return writeBatch({ ...options, changes });
}

function recordOf({ place }: SnapshotInstall, batches: StateBatches): ShardMeta {
  return present(batches.records.get(place.shard), 'a shard that receives a snapshot has a record');
}
