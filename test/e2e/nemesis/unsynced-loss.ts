/**
 * A power failure: takes back, of what a killed process had written, a part of the unsynced writes.
 * Reads the journal of native/shim.c.
 *
 * What may be lost: of each folder the last of its creations, renames and unlinks; of each file any
 * sectors of its writes, or the last of its writes. What was made durable stays.
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Random } from '../../../src/base/random.ts';

const HEADER_BYTES = 48;
const SECTOR_BYTES = 4096;
/** File systems write back by themselves (native/shim.c has the same figures). */
const METADATA_MILLISECONDS = 5000;
const DATA_MILLISECONDS = 30_000;

const KINDS = [
  'none',
  'name',
  'write',
  'truncate',
  'create',
  'unlink',
  'rename',
  'synced',
  'synced-one',
  'synced-folder',
] as const;

export interface JournalRecord {
  readonly kind: (typeof KINDS)[number];
  /** Its place in the journal. */
  readonly number: number;
  readonly file: number;
  readonly offset: number;
  readonly length: number;
  readonly oldSize: number;
  readonly isZero: boolean;
  readonly milliseconds: number;
  readonly bytes: Buffer;
}

export interface Loss {
  /** Sectors of writes, and operations on folders, that were taken back. */
  sectors: number;
  operations: number;
}

/** A record that was cut off by the end of its writer does not count. */
export function readJournal(bytes: Buffer): JournalRecord[] {
  const records: JournalRecord[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at + 32);
    const end = at + HEADER_BYTES + length;
    const kind = KINDS[bytes.readUInt32LE(at)];
    if (end > bytes.length || kind === undefined) break;
    records.push({
      kind,
      number: records.length,
      file: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      length: Number(bytes.readBigUInt64LE(at + 16)),
      oldSize: Number(bytes.readBigUInt64LE(at + 24)),
      isZero: bytes.readUInt32LE(at + 36) === 1,
      milliseconds: Number(bytes.readBigUInt64LE(at + 40)),
      bytes: bytes.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return records;
}

export interface Failure {
  readonly random: Random;
  /** In milliseconds of the monotone clock. */
  readonly now: number;
  /** All unsynced writes are lost, not only a part of them. */
  readonly isTotal: boolean;
}

/** The process that wrote the journal has ended. */
export function loseUnsynced(path: string, { random, now, isTotal }: Failure): Loss {
  const loss: Loss = { sectors: 0, operations: 0 };
  if (!existsSync(path)) return loss;
  const undoing = new Undoing(readJournal(readFileSync(path)), { random, now, isTotal });
  undoing.run(loss);
  rmSync(path);
  return loss;
}

type Sync = (record: JournalRecord) => boolean;

class Undoing {
  readonly #records: readonly JournalRecord[];
  readonly #random: Random;
  readonly #isTotal: boolean;
  /** Where each file is at the moment in question. */
  readonly #paths = new Map<number, string>();
  readonly #lost: Set<number>;
  /** Of each file the sectors that a later write, which stays, has covered. */
  readonly #kept = new Map<number, Set<number>>();

  constructor(records: readonly JournalRecord[], { random, now, isTotal }: Failure) {
    this.#records = records;
    this.#isTotal = isTotal;
    this.#random = random;
    this.#followNames();
    this.#lost = new Set([...this.#drawMetadata(now), ...this.#drawData(now)]);
  }

  /** From the last record to the first. */
  run(loss: Loss): void {
    for (const record of [...this.#records].reverse()) {
      const isLost = this.#lost.has(record.number);
      switch (record.kind) {
        case 'write':
          this.#undoWrite(record, isLost, loss);
          break;
        case 'truncate':
          if (isLost) loss.sectors += this.#undoTruncate(record);
          break;
        case 'create':
          if (isLost) loss.operations += this.#undoCreate(record);
          break;
        case 'unlink':
          if (isLost) loss.operations += putBack(record.bytes.toString(), this.#pathOf(record));
          break;
        case 'rename':
          this.#undoRename(record, isLost, loss);
          break;
        default:
      }
    }
  }

  #pathOf({ file }: JournalRecord): string {
    return this.#paths.get(file) ?? '';
  }

  #followNames(): void {
    for (const { kind, file, bytes } of this.#records) {
      if (kind === 'name') this.#paths.set(file, bytes.toString());
      if (kind === 'rename') this.#paths.set(file, bytes.toString().split('\0')[0] ?? '');
    }
  }

  /** Of each folder the last few operations. */
  #drawMetadata(now: number): number[] {
    const syncs = this.#records.filter(({ kind }) => kind === 'synced-folder');
    const isSynced: Sync = ({ number, file, milliseconds }) => {
      const folder = dirname(this.#paths.get(file) ?? '');
      const isOld = now - milliseconds > METADATA_MILLISECONDS;
      return (
        isOld || syncs.some((sync) => sync.bytes.toString() === folder && sync.offset > number)
      );
    };
    const open = this.#records.filter((record) => {
      return ['create', 'unlink', 'rename'].includes(record.kind) && !isSynced(record);
    });
    return this.#lastOf(open, ({ file }) => dirname(this.#paths.get(file) ?? ''));
  }

  #drawData(now: number): number[] {
    const isSynced: Sync = ({ number, file, milliseconds }) => {
      if (now - milliseconds > DATA_MILLISECONDS) return true;
      return this.#records.some((sync) => {
        if (sync.file !== file) return false;
        if (sync.kind === 'synced') return sync.offset > number;
        return sync.kind === 'synced-one' && sync.offset === number;
      });
    };
    const open = this.#records.filter((record) => {
      return ['write', 'truncate'].includes(record.kind) && !isSynced(record);
    });
    return this.#lastOf(open, ({ file }) => String(file));
  }

  #lastOf(open: readonly JournalRecord[], groupOf: (record: JournalRecord) => string): number[] {
    const groups = new Map<string, number[]>();
    for (const record of open) {
      const group = groups.get(groupOf(record)) ?? [];
      groups.set(groupOf(record), [...group, record.number]);
    }
    return [...groups.values()].flatMap((numbers) => {
      return numbers.slice(this.#isTotal ? 0 : this.#random.below(numbers.length + 1));
    });
  }

  /** Some sectors of a lost write may remain all the same; those of a later one stay. */
  #undoWrite(record: JournalRecord, isLost: boolean, loss: Loss): void {
    const { file, offset, length, oldSize } = record;
    const kept = this.#kept.get(file) ?? new Set<number>();
    this.#kept.set(file, kept);
    const isTorn = isLost && !this.#isTotal && this.#random.chance(0.3);
    const path = this.#pathOf(record);
    let isWhollyLost = isLost;
    for (let at = offset; at < offset + length; ) {
      const sector = Math.floor(at / SECTOR_BYTES);
      const end = Math.min(offset + length, (sector + 1) * SECTOR_BYTES);
      if (!isLost || (isTorn && this.#random.chance(0.5))) kept.add(sector);
      if (kept.has(sector)) isWhollyLost = false;
      else if (existsSync(path)) {
        restore(path, at, before(record, at, end));
        loss.sectors += 1;
      }
      at = end;
    }
    if (isWhollyLost && offset + length > oldSize) shorten(path, offset + length, oldSize);
  }

  #undoTruncate(record: JournalRecord): number {
    const path = this.#pathOf(record);
    if (!existsSync(path)) return 0;
    restore(path, record.offset, before(record, record.offset, record.oldSize));
    return 1;
  }

  #undoCreate(record: JournalRecord): number {
    rmSync(this.#pathOf(record), { force: true });
    return 1;
  }

  #undoRename(record: JournalRecord, isLost: boolean, loss: Loss): void {
    const [to = '', attic = ''] = record.bytes.toString().split('\0');
    const from = this.#nameBefore(record);
    this.#paths.set(record.file, isLost ? from : to);
    if (!isLost || !existsSync(to)) return;
    renameSync(to, from);
    loss.operations += 1;
    putBack(attic, to);
  }

  #nameBefore({ file, number }: JournalRecord): string {
    const earlier = this.#records.slice(0, number).findLast((record) => {
      return record.file === file && (record.kind === 'name' || record.kind === 'rename');
    });
    return earlier?.bytes.toString().split('\0')[0] ?? '';
  }
}

/** The bytes before the write; zeros beyond the old end. */
function before({ bytes, offset, isZero }: JournalRecord, from: number, to: number): Buffer {
  const old = Buffer.alloc(to - from);
  const isThere = !isZero && from - offset < bytes.length;
  if (isThere) bytes.copy(old, 0, from - offset, Math.min(bytes.length, to - offset));
  return old;
}

function restore(path: string, offset: number, bytes: Buffer): void {
  const handle = openSync(path, 'r+');
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

/** If the write that is taken back extended the file. */
function shorten(path: string, from: number, to: number): void {
  if (!existsSync(path)) return;
  const handle = openSync(path, 'r+');
  if (fstatSync(handle).size === from) ftruncateSync(handle, to);
  closeSync(handle);
}

/** From the attic; a file that is not there any more was durable. */
function putBack(attic: string, path: string): number {
  if (attic === '' || !existsSync(attic)) return 0;
  renameSync(attic, path);
  return 1;
}
