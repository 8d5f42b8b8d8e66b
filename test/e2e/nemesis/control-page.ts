/** The page of memory that a node's shim shares with the harness (native/shim.c, control). */

import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';

const BYTES = 4096;
const AT = { syncMicroseconds: 0, failingSyncs: 8, clockMilliseconds: 16 } as const;
const COUNTERS = { syncs: 64, slowSyncs: 72, failedSyncs: 80, shiftedClocks: 88, overflowed: 96 };
const ALL = 0xffff_ffff_ffff_ffffn;

export type ShimCounter = keyof typeof COUNTERS;

export class ControlPage {
  readonly path: string;
  readonly #handle: number;

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, new Uint8Array(BYTES));
    this.#handle = openSync(path, 'r+');
  }

  slowSyncs(milliseconds: number): void {
    this.#write(AT.syncMicroseconds, BigInt(milliseconds) * 1000n);
  }

  failSyncs(count: number | 'all'): void {
    this.#write(AT.failingSyncs, count === 'all' ? ALL : BigInt(count));
  }

  shiftClock(milliseconds: number): void {
    this.#write(AT.clockMilliseconds, BigInt.asUintN(64, BigInt(milliseconds)));
  }

  clear(): void {
    this.slowSyncs(0);
    this.failSyncs(0);
    this.shiftClock(0);
  }

  read(counter: ShimCounter): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#handle, bytes, 0, 8, COUNTERS[counter]);
    return Number(bytes.readBigUInt64LE());
  }

  close(): void {
    closeSync(this.#handle);
  }

  #write(offset: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    writeSync(this.#handle, bytes, 0, 8, offset);
  }
}
