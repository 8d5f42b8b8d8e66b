/** Logs of a few shards, written by hand and answered as a correct machine answers. */

import type { ShardId } from '../../src/base/ids.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Command } from '../../src/machine/command.ts';
import { encodeEntry, type TransactionStep } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import { RING_SPAN } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { stampOf } from '../support/stamp.ts';
import { bytesOf } from './customer.ts';
import { Truth } from './truth.ts';
import { Witness, type Witnessed } from './witness.ts';

export const CLIENT = new Uint8Array(16).fill(7);
export const DEADLINE = 5000;

interface ScriptedShard {
  readonly rows: Map<string, Uint8Array>;
  readonly machine: Machine;
  readonly arc: { readonly from: number; readonly to: number };
  index: number;
}

export class Script {
  readonly witness = new Witness(() => this.now);
  readonly #shards: readonly ScriptedShard[];
  now = 0;

  /** The first shard has the number 1; the ring is divided evenly. */
  constructor(shards = 1) {
    this.#shards = Array.from({ length: shards }, (_, at): ScriptedShard => {
      const rows = new Map<string, Uint8Array>();
      const source = { get: (section: number, key: Uint8Array) => rows.get(`${section} ${key}`) };
      const from = Math.floor((RING_SPAN / shards) * at);
      const to = Math.floor((RING_SPAN / shards) * (at + 1));
      return { rows, machine: new Machine({ source }), arc: { from, to }, index: 0 };
    });
    this.#shards.forEach(({ arc }, at) => {
      this.add(
        encodeEntry(stampOf({ time: 1, epoch: 0 }), { type: 'adopt', epoch: 1, arc }),
        at + 1,
      );
    });
  }

  put(sequence: number, command: Command): Witnessed {
    const batch = encodeBatch({
      client: CLIENT,
      deadline: DEADLINE,
      sequence,
      commands: [command],
    });
    return this.add(encodeEntry(stampOf({ time: 1, epoch: 1 }), { type: 'batch', batch }));
  }

  step(shard: number, type: TransactionStep, bytes: Uint8Array): Witnessed {
    return this.add(encodeEntry(stampOf({ time: 1, epoch: 1 }), { type, bytes }), shard);
  }

  add(payload: Uint8Array, shard = 1): Witnessed {
    const one = this.#shards[shard - 1] as ScriptedShard;
    one.index += 1;
    this.now += 10;
    const { index } = one;
    const outcome = one.machine.apply({ index, payload });
    if (outcome.type === 'unknown') throw new Error('a script knows its entries');
    for (const { section, key, value } of outcome.writes) {
      if (value === undefined) one.rows.delete(`${section} ${key}`);
      else one.rows.set(`${section} ${key}`, value.slice());
    }
    const { replies } = outcome;
    const entry = { term: 1, payload, configuration: undefined, replies, at: this.now };
    this.witness.write(shard as ShardId, index, entry);
    return entry;
  }

  /** A key that lies in this shard. */
  keyIn(shard: number): string {
    const { from, to } = (this.#shards[shard - 1] as ScriptedShard).arc;
    for (let number = 0; ; number++) {
      const position = keyPosition(bytesOf(`key-${number}`));
      if (from <= position && position < to) return `key-${number}`;
    }
  }

  truth(): Truth {
    const rows = this.#shards.map(({ arc }, at) => ({ shard: at + 1, ...arc }));
    const map = { shards: [{ shard: 0, from: 0, to: 0 }, ...rows] } as unknown as ClusterMap;
    return new Truth({ witness: this.witness, map, now: this.now });
  }
}
