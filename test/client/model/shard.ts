/** A shard of the model: the real machine over a map, one truth for all replicas. */

import { compareBytes } from '../../../src/machine/bytes.ts';
import { encodeEntry } from '../../../src/machine/entry.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { decodeRow } from '../../../src/machine/row.ts';
import { SECTION } from '../../../src/machine/section.ts';
import { arcStart } from '../../../src/ring/arc.ts';

interface StoredRow {
  readonly key: Uint8Array;
  readonly row: Uint8Array;
}

/** What one entry wrote under one key; undefined for a key that was deleted. */
export interface Effect {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly version: number;
}

export class ModelShard {
  readonly shard: number;
  readonly #sections = new Map<number, Map<string, StoredRow>>();
  readonly #machine: Machine;
  readonly #onEffect: (effect: Effect) => void;
  #index = 0;
  /** Log time runs on the leader's clock, from some hour of its own. */
  #time: number;

  constructor(options: {
    readonly shard: number;
    readonly shards: number;
    readonly bornAt: number;
    readonly onEffect: (effect: Effect) => void;
  }) {
    this.shard = options.shard;
    this.#time = options.bornAt;
    this.#onEffect = options.onEffect;
    this.#machine = new Machine({
      source: { get: (section, key) => this.#section(section).get(nameOf(key))?.row },
    });
    const { shard, shards } = options;
    const arc = { from: arcStart(shard - 1, shards), to: arcStart(shard, shards) };
    this.#apply(encodeEntry({ time: this.#time, epoch: 0 }, { type: 'adopt', epoch: 1, arc }));
  }

  get time(): number {
    return this.#time;
  }

  pass(milliseconds: number): void {
    this.#time += milliseconds;
  }

  write(batch: Uint8Array, epoch: number): readonly Uint8Array[] {
    return this.#apply(
      encodeEntry({ time: Math.floor(this.#time), epoch }, { type: 'batch', batch }),
    );
  }

  forget(clients: readonly Uint8Array[]): void {
    const stamp = { time: Math.floor(this.#time), epoch: 1 };
    this.#apply(encodeEntry(stamp, { type: 'forget', clients }));
  }

  row(key: Uint8Array): Uint8Array | undefined {
    return this.#section(SECTION.values).get(nameOf(key))?.row;
  }

  /** All rows in the order of keys. */
  rows(): readonly StoredRow[] {
    const rows = [...this.#section(SECTION.values).values()];
    return rows.sort((one, other) => compareBytes(one.key, other.key));
  }

  #apply(payload: Uint8Array): readonly Uint8Array[] {
    this.#index += 1;
    const outcome = this.#machine.apply({ index: this.#index, payload });
    if (outcome.type === 'unknown') throw new Error('the model knows its entries');
    for (const { section, key, value } of outcome.writes) {
      const kept = { key: key.slice(), row: value?.slice() ?? new Uint8Array(0) };
      if (value === undefined) this.#section(section).delete(nameOf(key));
      else this.#section(section).set(nameOf(key), kept);
      if (section !== SECTION.values) continue;
      const row = value === undefined ? undefined : decodeRow(kept.row);
      this.#onEffect({ key: kept.key, value: row?.value, version: this.#index });
    }
    return outcome.replies;
  }

  #section(section: number): Map<string, StoredRow> {
    let rows = this.#sections.get(section);
    if (rows === undefined) {
      rows = new Map();
      this.#sections.set(section, rows);
    }
    return rows;
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
