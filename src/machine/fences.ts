/**
 * The highest token that a guarded write of each name has carried, in this shard. It outlives the
 * lock, so a late write of a former owner is refused long after the lock has gone.
 */

import { present } from '../base/assert.ts';
import { nameOf } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { count, decode, type Of, struct } from '../base/schema.ts';
import { SECTION, type StateSource } from './section.ts';
import type { WriteBuffer } from './slots.ts';

/** `at`: log time of the last guarded write, up to `fenceStepMilliseconds` earlier. */
const FENCE = struct({ token: count({ min: 1 }), at: count() });
const COUNT = count({ min: 1 });

type FenceRow = Of<typeof FENCE>;

export const writeFence = FENCE.write;

/** Undefined for bytes that are no such row. */
export function decodeFence(row: Uint8Array): FenceRow | undefined {
  return decode(FENCE, row);
}

interface GuardedWrite {
  readonly name: Uint8Array;
  readonly token: number;
}

export class Fences {
  readonly #source: StateSource;
  /** What the present entry has written; the source does not show it yet. */
  readonly #raised = new Map<string, FenceRow>();
  #count: number;
  #countBefore: number;

  constructor(source: StateSource) {
    this.#source = source;
    const row = source.get(SECTION.fences, NO_BYTES);
    this.#count = row === undefined ? 0 : present(decode(COUNT, row), 'a count of fences is one');
    this.#countBefore = this.#count;
  }

  get size(): number {
    return this.#count;
  }

  /** The highest token of the name; 0 if the shard knows of none. */
  highest(name: Uint8Array): number {
    return this.#rowOf(name)?.token ?? 0;
  }

  /** A lower token than the highest one changes nothing: its command carries that one as well. */
  raise({ name, token }: GuardedWrite, logTime: number, { writer, writes }: WriteBuffer): void {
    const before = this.#rowOf(name);
    if (before !== undefined && before.token > token) return;
    if (before?.token === token && logTime - before.at < LIMITS.fenceStepMilliseconds) return;
    if (before === undefined) this.#count += 1;
    const row: FenceRow = { token, at: logTime };
    this.#raised.set(nameOf(name), row);
    const { length } = writer;
    writeFence(writer, row);
    writes.push({ section: SECTION.fences, key: name, value: writer.since(length) });
  }

  /** Only if it is older than it has to be. */
  forget(name: Uint8Array, logTime: number, { writes }: WriteBuffer): void {
    const row = this.#rowOf(name);
    if (row === undefined || !isForgettable(row, logTime)) return;
    this.#count -= 1;
    writes.push({ section: SECTION.fences, key: name, value: undefined });
  }

  /** No token has changed in the present entry. */
  get isSettled(): boolean {
    return this.#raised.size === 0 && this.#count === this.#countBefore;
  }

  /** At the end of an entry. */
  finish({ writer, writes }: WriteBuffer): void {
    this.#raised.clear();
    if (this.#count === this.#countBefore) return;
    this.#countBefore = this.#count;
    const { length } = writer;
    if (this.#count > 0) COUNT.write(writer, this.#count);
    const value = this.#count > 0 ? writer.since(length) : undefined;
    writes.push({ section: SECTION.fences, key: NO_BYTES, value });
  }

  #rowOf(name: Uint8Array): FenceRow | undefined {
    const raised = this.#raised.get(nameOf(name));
    if (raised !== undefined) return raised;
    const row = this.#source.get(SECTION.fences, name);
    return row === undefined ? undefined : present(decodeFence(row), 'a fence is one');
  }
}

const LIMITS = COORDINATION_LIMITS;

/** Whether no guarded write of the name was executed for so long that no late one can come. */
export function isForgettable({ at }: FenceRow, logTime: number): boolean {
  return logTime > at + LIMITS.fenceKeepMilliseconds + LIMITS.fenceStepMilliseconds;
}
