/** What an entry changes in users' data, as data for the histories of its shard's replicas. */

import { assert } from '../base/assert.ts';
import type { TransactionId } from './transaction-id.ts';

/** Why a key changed: `expired` by its own time to live, `lease-ended` with its lease. */
export type ChangeKind = 'set' | 'delete' | 'expired' | 'lease-ended';

/** What one operation made of one key. A touch makes none. Bytes are valid as those of writes. */
export interface KeyChange {
  readonly kind: ChangeKind;
  readonly key: Uint8Array;
  /** The version of the row before it; 0 for none, and for one that was lost. */
  readonly previous: number;
  /** Of a set: the version of the new row. Of all others: the version that a set would have had. */
  readonly version: number;
  /** Of a set. */
  readonly value: Uint8Array | undefined;
  /** What made the change: a transaction over shards, or the number of its group in the entry. */
  readonly transaction: TransactionId | number;
  /** The last change of its command or transaction. */
  readonly isLast: boolean;
}

/**
 * The changes of an entry, in the order of its commands. `unrecorded`: there are some, and the
 * shard does not record. An entry without changes has an empty list, recorded or not.
 */
export type Changes = readonly KeyChange[] | 'unrecorded';

const NONE: Changes = [];

type NotedChange = Omit<KeyChange, 'transaction' | 'isLast'>;

/** A change whose group is open. */
type Draft = { -readonly [Name in keyof KeyChange]: KeyChange[Name] };

/**
 * Collects the changes of one entry. While the shard does not record it only counts them: a history
 * must know that it has missed some.
 */
export class ChangeRecorder {
  #isRecording = false;
  #changes: Draft[] = [];
  #length = 0;
  /** Where the open group begins. */
  #from = 0;
  #groups = 0;

  /** Whether changes are collected; otherwise `skip` them, and read nothing for them. */
  get isRecording(): boolean {
    return this.#isRecording;
  }

  get length(): number {
    return this.#length;
  }

  /** Another entry. */
  begin({ isRecording }: { readonly isRecording: boolean }): void {
    this.#isRecording = isRecording;
    if (this.#changes.length > 0) this.#changes = [];
    this.#length = 0;
    this.#from = 0;
    this.#groups = 0;
  }

  /** Required: it is recording. */
  note(change: NotedChange): void {
    const { kind, key, previous, version, value } = change;
    const draft = { kind, key, previous, version, value, transaction: 0, isLast: false };
    this.#length = this.#changes.push(draft);
  }

  /** A key that goes without a command: a group of its own. */
  noteEnd(kind: 'expired' | 'lease-ended', key: Uint8Array, previous: number, version: number) {
    if (this.#isRecording) this.note({ kind, key, previous, version, value: undefined });
    else this.skip();
    this.end(undefined);
  }

  /** Counts a change. Required: it is not recording. */
  skip(): void {
    this.#length += 1;
  }

  /** Undoes the changes of a command that failed. */
  cutTo(length: number): void {
    assert(length >= this.#from, 'a closed group is never undone');
    this.#length = length;
    if (this.#changes.length > length) this.#changes.length = length;
  }

  /** The command or the part of a transaction has ended: its changes are one group. */
  end(transaction: TransactionId | undefined): void {
    if (!this.#isRecording || this.#length === this.#from) return;
    const about = transaction ?? this.#groups;
    for (let at = this.#from; at < this.#length; at++) {
      const change = this.#changes[at] as Draft;
      change.transaction = about;
      change.isLast = at === this.#length - 1;
    }
    this.#from = this.#length;
    this.#groups += 1;
  }

  /** Of the entry, once all of its groups are closed. */
  get changes(): Changes {
    if (this.#length === 0) return NONE;
    if (!this.#isRecording) return 'unrecorded';
    assert(this.#from === this.#length, 'every change belongs to a closed group');
    return this.#changes;
  }
}
