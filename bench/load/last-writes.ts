/**
 * The writes of some keys that may be their last ones, in order to check what is stored in the end:
 * a write that ended before an acknowledged one began must have been overwritten. Times are of the
 * machine's monotonic clock, which all processes share.
 */

export interface KeyWrite {
  readonly key: string;
  readonly stamp: string;
  readonly began: number;
  /** Infinity while it is not known whether it took effect. */
  ended: number;
}

/** Milliseconds of the clock that all processes of a machine share. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export class LastWrites {
  readonly #byKey = new Map<string, KeyWrite[]>();

  /** Before the call. */
  begin(key: string, stamp: string, now: number): KeyWrite {
    const write = { key, stamp, began: now, ended: Number.POSITIVE_INFINITY };
    const writes = this.#byKey.get(key) ?? [];
    writes.push(write);
    this.#byKey.set(key, writes);
    return write;
  }

  acknowledge(write: KeyWrite, now: number): void {
    write.ended = now;
    const writes = this.#byKey.get(write.key) ?? [];
    this.#byKey.set(
      write.key,
      writes.filter(({ ended }) => ended >= write.began),
    );
  }

  take(): readonly KeyWrite[] {
    const writes = [...this.#byKey.values()].flat();
    this.#byKey.clear();
    return writes;
  }
}

/**
 * What one key may contain in the end, by the writes of all processes. Undefined if no write of it
 * was acknowledged: then it may also contain what it did before.
 */
export function lastStampsOf(writes: readonly KeyWrite[]): ReadonlySet<string> | undefined {
  const acknowledged = writes.filter(({ ended }) => Number.isFinite(ended));
  if (acknowledged.length === 0) return undefined;
  const latest = Math.max(...acknowledged.map(({ began }) => began));
  return new Set(writes.filter(({ ended }) => ended >= latest).map(({ stamp }) => stamp));
}
