/**
 * The version of each key that a watch was told, in one shard: so that a re-read tells only what
 * differs, and a change that does not fit its key is found out.
 */

import { assert } from '../../../base/assert.ts';
import type { KeyChange } from '../../../machine/key-change.ts';

/** What all shards of a watch track together. */
export class TrackingBudget {
  readonly #keysMax: number;
  readonly #bytesMax: number;
  #keys = 0;
  #bytes = 0;

  constructor(max: { readonly trackedKeysMax: number; readonly trackedBytesMax: number }) {
    this.#keysMax = max.trackedKeysMax;
    this.#bytesMax = max.trackedBytesMax;
  }

  get isExceeded(): boolean {
    return this.#keys > this.#keysMax || this.#bytes > this.#bytesMax;
  }

  add(keyBytes: number): void {
    this.#keys += 1;
    this.#bytes += keyBytes;
  }

  remove(keyBytes: number): void {
    this.#keys -= 1;
    this.#bytes -= keyBytes;
    assert(this.#keys >= 0 && this.#bytes >= 0, 'only what was added is removed');
  }
}

const NONE: readonly string[] = [];

export class TrackedKeys {
  readonly #budget: TrackingBudget;
  /** Made with the first key: most watches of one key that does not exist need none. */
  #versions: Map<string, number> | undefined;
  /** Keys in their order that the read in progress has not come to. */
  #expected: readonly string[] = NONE;
  #at = 0;

  constructor(budget: TrackingBudget) {
    this.#budget = budget;
  }

  get isEmpty(): boolean {
    return this.#versions === undefined || this.#versions.size === 0;
  }

  /** False if a change does not fit what was told of its key before. */
  take(changes: readonly KeyChange[]): boolean {
    for (const { kind, key, previous, version } of changes) {
      const name = nameOf(key);
      if ((this.#versions?.get(name) ?? 0) !== previous) return false;
      if (kind === 'set') this.#set(name, version);
      else this.#delete(name);
    }
    return true;
  }

  /** The range is read from its first key. */
  beginRead(): void {
    this.#expected = [...(this.#versions?.keys() ?? [])].sort();
    this.#at = 0;
  }

  /**
   * What differs in the next page: rows with other versions, and keys that are gone. All keys
   * before the cursor, or to the end without one, are on this page or an earlier one.
   */
  differences(rows: readonly KeyChange[], cursor: Uint8Array | undefined): readonly KeyChange[] {
    const differences: KeyChange[] = [];
    for (const row of rows) {
      const name = nameOf(row.key);
      this.#passBefore(name, differences);
      if (this.#expected[this.#at] === name) this.#at += 1;
      const previous = this.#versions?.get(name) ?? 0;
      if (previous === row.version) continue;
      this.#set(name, row.version);
      differences.push({ ...row, previous });
    }
    this.#passBefore(cursor && nameOf(cursor), differences);
    return differences;
  }

  /** The keys that were expected before this one are gone. */
  #passBefore(name: string | undefined, gone: KeyChange[]): void {
    for (; this.#at < this.#expected.length; this.#at++) {
      const expected = this.#expected[this.#at] as string;
      if (name !== undefined && expected >= name) return;
      const previous = this.#versions?.get(expected);
      if (previous === undefined) continue;
      this.#delete(expected);
      gone.push(goneKey(expected, previous));
    }
  }

  /** Nothing is tracked any more. */
  clear(): void {
    for (const name of this.#versions?.keys() ?? []) this.#budget.remove(name.length);
    this.#versions = undefined;
    this.#expected = NONE;
    this.#at = 0;
  }

  #set(name: string, version: number): void {
    this.#versions ??= new Map();
    if (!this.#versions.has(name)) this.#budget.add(name.length);
    this.#versions.set(name, version);
  }

  #delete(name: string): void {
    if (this.#versions?.delete(name) === true) this.#budget.remove(name.length);
  }
}

function goneKey(name: string, previous: number): KeyChange {
  const key = Uint8Array.from(name, (character) => character.charCodeAt(0));
  const rest = { version: 0, value: undefined, transaction: 0, isLast: true };
  return { kind: 'delete', key, previous, ...rest };
}

/** One character for each byte: texts are ordered as the keys are, and lead back to them. */
function nameOf(key: Uint8Array): string {
  let name = '';
  for (let at = 0; at < key.length; at += CHARACTERS_MAX) {
    name += String.fromCharCode(...key.subarray(at, at + CHARACTERS_MAX));
  }
  return name;
}

/** Arguments of one call. */
const CHARACTERS_MAX = 1024;
