/** One file in memory: its durable content, and the writes in flight. */

import type { Random } from '../../../src/base/random.ts';

interface PendingWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** From the first byte up to `to`, excluded. */
interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export class MemoryFile {
  /** What a crash leaves if no pending write reaches the disk. */
  #durable: Uint8Array;
  /** What reads see: completed writes, and those that a killed process had submitted. */
  written: Uint8Array;
  #pending: PendingWrite[] = [];
  #spoilt: ByteRange[] = [];

  constructor(size: number) {
    this.#durable = new Uint8Array(0);
    this.written = new Uint8Array(size);
  }

  syncSize(): void {
    this.#durable = sized(this.#durable, this.written.length);
  }

  write(offset: number, bytes: Uint8Array): PendingWrite {
    const write = { offset, bytes };
    // An unsynced write of a killed process to the same place is replaced.
    this.#pending = this.#pending.flatMap((older) => around(older, write));
    this.#pending.push(write);
    return write;
  }

  sync(write: PendingWrite): void {
    this.fail(write);
    this.#remap(write);
    this.#durable = placed(this.#durable, write);
  }

  /** A failed sync: the system marks the pages as clean and never writes them again. */
  fail(write: PendingWrite): void {
    this.written = placed(this.written, write);
    this.#pending = this.#pending.filter((pending) => pending !== write);
  }

  /** The process is killed: its submitted writes remain in the page cache. */
  kill(): void {
    for (const write of this.#pending) this.written = placed(this.written, write);
  }

  /** Sectors reach the disk in any order, and one may be torn. */
  crash(random: Random, sectorBytes: number): void {
    for (const { offset, bytes } of this.#pending) {
      const style = random.below(4);
      const kept = random.below(Math.ceil(bytes.length / sectorBytes) + 1);
      let sector = 0;
      for (let at = 0; at < bytes.length; sector++) {
        const to = Math.min(bytes.length, nextSector(offset + at, sectorBytes) - offset);
        const isKept =
          style === 0 || (style === 1 && sector < kept) || (style === 2 && random.chance(0.5));
        const isTorn = style !== 0 && random.chance(0.1);
        const end = isTorn ? at + random.below(to - at + 1) : to;
        if (isKept || isTorn) {
          const piece = { offset: offset + at, bytes: bytes.subarray(at, end) };
          this.#durable = placed(this.#durable, piece);
        }
        at = to;
      }
    }
    if (this.#durable.length < this.written.length && random.chance(0.5)) {
      const grown = this.written.length - this.#durable.length;
      this.#durable = sized(this.#durable, this.#durable.length + random.below(grown + 1));
    }
    this.#pending = [];
    this.written = this.#durable.slice();
  }

  flip(offset: number, bit: number): void {
    for (const image of [this.written, this.#durable]) {
      const byte = image[offset];
      if (byte !== undefined) image[offset] = byte ^ (1 << bit);
    }
  }

  /** These bytes are unreadable until they are written again. */
  spoil(range: ByteRange): void {
    this.#spoilt.push(range);
  }

  isSpoilt({ from, to }: ByteRange): boolean {
    return this.#spoilt.some((spoilt) => spoilt.from < to && from < spoilt.to);
  }

  /** A write to a bad sector goes to a replacement sector. */
  #remap({ offset, bytes }: PendingWrite): void {
    const end = offset + bytes.length;
    this.#spoilt = this.#spoilt.filter(({ from, to }) => from >= end || offset >= to);
  }

  resize(size: number): void {
    this.#durable = sized(this.#durable, size);
    this.written = sized(this.written, size);
  }

  /** Sets durable content. */
  fill(bytes: Uint8Array): void {
    this.#durable = bytes.slice();
    this.written = bytes.slice();
    this.#pending = [];
  }
}

function nextSector(offset: number, sectorBytes: number): number {
  return (Math.floor(offset / sectorBytes) + 1) * sectorBytes;
}

/** The rest of a write outside of a later one. */
function around(older: PendingWrite, { offset, bytes }: PendingWrite): PendingWrite[] {
  const from = offset - older.offset;
  const to = from + bytes.length;
  if (from >= older.bytes.length || to <= 0) return [older];
  const left = { offset: older.offset, bytes: older.bytes.subarray(0, Math.max(0, from)) };
  const right = { offset: older.offset + to, bytes: older.bytes.subarray(to) };
  return [left, right].filter((piece) => piece.bytes.length > 0);
}

function sized(image: Uint8Array, size: number): Uint8Array {
  if (image.length === size) return image;
  const result = new Uint8Array(size);
  result.set(image.subarray(0, size));
  return result;
}

function placed(image: Uint8Array, { offset, bytes }: PendingWrite): Uint8Array {
  const result = sized(image, Math.max(image.length, offset + bytes.length));
  result.set(bytes, offset);
  return result;
}
