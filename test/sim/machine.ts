/** The small deterministic machine that simulated shards replicate: its rows are in the store. */

import { unreachable } from '../../src/base/assert.ts';
import type { ShardId } from '../../src/base/ids.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import type { StateWrite } from '../../src/storage/state/state.ts';
import type { StateStore } from '../../src/storage/state/state-store.ts';
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
const NOTHING: Values = [];

const VALUES = 0;
const HISTORY = 1;
const HISTORY_KEY = new Uint8Array(1);

export class Machine {
  readonly #store: StateStore;
  readonly #shard: ShardId;

  constructor(store: StateStore, shard: ShardId) {
    this.#store = store;
    this.#shard = shard;
  }

  get applied(): number {
    return this.#store.description(this.#shard).index;
  }

  /** A hash over every entry since the beginning of the shard; equal at equal indexes. */
  get history(): number {
    const found = this.#store.get(this.#shard, HISTORY, HISTORY_KEY);
    return found === undefined ? 0 : wordAt(found, 0) | 0;
  }

  /** All rows and their hash, as text; undefined where the rows are damaged. */
  digest(): string | undefined {
    const hash = this.#store.hash(this.#shard);
    return hash === undefined ? undefined : JSON.stringify([this.applied, this.history, hash]);
  }

  valuesOf(key: number): Values {
    const found = this.#store.get(this.#shard, VALUES, Uint8Array.of(key));
    if (found === undefined) return NOTHING;
    const values: number[] = [];
    for (let at = 0; at < found.length; at += 4) values.push(wordAt(found, at));
    return values;
  }

  /** Throws the store's error if a row that it needs is damaged; then nothing is applied. */
  apply(entry: LogEntry): { readonly operation: Operation; readonly reply: Reply } | undefined {
    const history = new Uint8Array(4);
    const folded = Math.imul(this.history ^ hashOfEntry(entry), 0x9e3779b1) ^ entry.index;
    putWord(history, 0, folded);
    const writes: StateWrite[] = [{ section: HISTORY, key: HISTORY_KEY, value: history }];
    const operation = entry.kind === 'command' ? decodeOperation(entry.payload) : undefined;
    const reply = operation === undefined ? undefined : this.#execute(operation, writes);
    const { index, term } = entry;
    const configuration = entry.kind === 'configuration' ? entry.configuration : undefined;
    this.#store.apply(this.#shard, { position: { index, term }, configuration, writes });
    return operation === undefined || reply === undefined ? undefined : { operation, reply };
  }

  #execute(operation: Operation, writes: StateWrite[]): Reply {
    const { kind, key, value } = operation;
    const held = this.valuesOf(key);
    switch (kind) {
      case 'write':
        return put(writes, key, [value]);
      case 'append':
        return put(writes, key, [...held, value]);
      case 'cas':
        if (digestOf(held) !== operation.expected) return { isDone: false, values: held };
        return put(writes, key, [value]);
      case 'read':
      case 'noop':
        return { isDone: true, values: held };
      default:
        return unreachable(kind);
    }
  }
}

function put(writes: StateWrite[], key: number, values: Values): Reply {
  const value = new Uint8Array(values.length * 4);
  values.forEach((word, at) => {
    putWord(value, at * 4, word);
  });
  writes.push({ section: VALUES, key: Uint8Array.of(key), value });
  return { isDone: true, values };
}
