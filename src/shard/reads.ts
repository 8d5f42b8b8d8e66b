/** Reads that wait: for a round of their leader, then for the machine to have applied enough. */

import type { Command } from '../machine/command.ts';
import type { Contender } from '../machine/transaction-id.ts';
import type { KeyRange } from '../wire/request.ts';
import type { Asker } from './proposals.ts';

export interface Read {
  readonly asker: Asker;
  /** In the node's monotone milliseconds: afterwards no answer is owed. */
  readonly until: number;
  readonly what: Wanted;
  /** Of one that met a held key: how long it may wait, however often it is woken in vain. */
  readonly heldUntil?: number;
}

/** What a read wants of the state. */
export type Wanted =
  | { readonly type: 'keys'; readonly keys: readonly Uint8Array[] }
  | { readonly type: 'range'; readonly range: KeyRange }
  /** Whether they hold; an owner holds keys itself, and waits only for those with less right. */
  | { readonly type: 'checks'; readonly checks: Command; readonly owner: Contender | undefined };

interface Granted {
  readonly index: number;
  readonly reads: readonly Read[];
}

export class Reads {
  /** Asked in this turn: they share one round. */
  #gathered: Read[] = [];
  readonly #asked = new Map<number, readonly Read[]>();
  /** In the order of their grants; indexes may fall and rise. */
  #granted: Granted[] = [];

  get hasGathered(): boolean {
    return this.#gathered.length > 0;
  }

  /** Reads that wait for anything. */
  get size(): number {
    let size = this.#gathered.length;
    for (const reads of this.#asked.values()) size += reads.length;
    for (const { reads } of this.#granted) size += reads.length;
    return size;
  }

  gather(read: Read): void {
    this.#gathered.push(read);
  }

  /** All that were gathered, under the number by which the core will answer. */
  ask(id: number): void {
    this.#asked.set(id, this.#gathered);
    this.#gathered = [];
  }

  /** The core refused the number; these must be told so. */
  refused(id: number): readonly Read[] {
    const reads = this.#asked.get(id) ?? [];
    this.#asked.delete(id);
    return reads;
  }

  granted(id: number, index: number): void {
    const reads = this.#asked.get(id);
    if (reads === undefined) return;
    this.#asked.delete(id);
    this.#granted.push({ index, reads });
  }

  /** Reads of which it is known already how far the machine must be. */
  grant(reads: readonly Read[], index: number): void {
    if (reads.length > 0) this.#granted.push({ index, reads });
  }

  /** What can be read now that the machine has applied through this index. */
  takeReady(applied: number): readonly Read[] {
    if (this.#granted.length === 0) return [];
    const ready = this.#granted.filter(({ index }) => index <= applied);
    if (ready.length === 0) return [];
    this.#granted = this.#granted.filter(({ index }) => index > applied);
    return ready.flatMap(({ reads }) => reads);
  }

  /** Everything that waits, to be refused: the replica goes. */
  takeAll(): readonly Read[] {
    const all = [...this.#gathered, ...[...this.#asked.values()].flat()];
    for (const { reads } of this.#granted) all.push(...reads);
    this.#gathered = [];
    this.#asked.clear();
    this.#granted = [];
    return all;
  }
}
