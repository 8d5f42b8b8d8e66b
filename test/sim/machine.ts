/** The small deterministic machine that simulated shards replicate. */

import { assert, unreachable } from '../../src/base/assert.ts';
import { hash } from '../../src/base/hash.ts';
import type { Entry } from '../../src/raft/message.ts';
import { hashOfEntry } from './entry-hash.ts';
import {
  decodeOperation,
  digestOf,
  type Operation,
  putWord,
  type Reply,
  type Values,
  wordAt,
} from './operation.ts';

/** A key that was never written. */
export const NOTHING: Values = [];

/** A checksum, the applied index and the history. */
const HEAD_BYTES = 12;

export class Machine {
  readonly #values: Map<number, Values>;
  #applied: number;
  #history: number;

  constructor(state: { values: Map<number, Values>; applied: number; history: number }) {
    this.#values = state.values;
    this.#applied = state.applied;
    this.#history = state.history;
  }

  static empty(): Machine {
    return new Machine({ values: new Map<number, Values>(), applied: 0, history: 0 });
  }

  get applied(): number {
    return this.#applied;
  }

  /** Folds every entry since the beginning of the shard: equal at equal indexes, everywhere. */
  get history(): number {
    return this.#history;
  }

  valuesOf(key: number): Values {
    return this.#values.get(key) ?? NOTHING;
  }

  apply(entry: Entry): { readonly operation: Operation; readonly reply: Reply } | undefined {
    assert(entry.index === this.#applied + 1, 'entries are applied in order, each once');
    this.#applied = entry.index;
    this.#history = Math.imul(this.#history ^ hashOfEntry(entry), 0x9e3779b1) ^ entry.index;
    if (entry.kind !== 'command') return undefined;
    const operation = decodeOperation(entry.payload);
    return { operation, reply: this.#execute(operation) };
  }

  #execute(operation: Operation): Reply {
    const held = this.valuesOf(operation.key);
    switch (operation.kind) {
      case 'write':
        return this.#put(operation.key, [operation.value]);
      case 'append':
        return this.#put(operation.key, [...held, operation.value]);
      case 'cas':
        if (digestOf(held) !== operation.expected) return { isDone: false, values: held };
        return this.#put(operation.key, [operation.value]);
      case 'read':
      case 'noop':
        return { isDone: true, values: held };
      default:
        return unreachable(operation.kind);
    }
  }

  #put(key: number, values: Values): Reply {
    this.#values.set(key, values);
    return { isDone: true, values };
  }

  /** Keys in rising order, so that replicas with different pasts write the same bytes. */
  serialize(): Uint8Array {
    const keys = [...this.#values.keys()].sort((one, other) => one - other);
    const words = [this.#applied, this.#history];
    for (const key of keys) {
      const values = this.valuesOf(key);
      words.push(key, values.length, ...values);
    }
    const bytes = new Uint8Array(4 + words.length * 4);
    words.forEach((word, at) => {
      putWord(bytes, 4 + at * 4, word);
    });
    putWord(bytes, 0, hash(bytes, 0, 4));
    return bytes;
  }

  /** Undefined if the bytes are not what `serialize` made. */
  static parse(bytes: Uint8Array): Machine | undefined {
    if (bytes.length < HEAD_BYTES || wordAt(bytes, 0) !== hash(bytes, 0, 4)) return undefined;
    const values = new Map<number, Values>();
    let at = HEAD_BYTES;
    while (at < bytes.length) {
      const key = wordAt(bytes, at);
      const count = wordAt(bytes, at + 4);
      at += 8;
      const held: number[] = [];
      for (let left = count; left > 0; left--, at += 4) held.push(wordAt(bytes, at));
      values.set(key, held);
    }
    return new Machine({ values, applied: wordAt(bytes, 4), history: wordAt(bytes, 8) | 0 });
  }
}
