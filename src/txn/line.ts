/**
 * Transactions that check and write the same keys of their home shard, one after the other. Of
 * those that saw the same version only one can commit, so that the others lose nothing by waiting.
 * Who waits here has not begun: it holds nothing, nobody meets it, and it may wait for a younger one.
 *
 * Whoever has lost all hope meanwhile will come back with a newer version. A crowd that came back
 * at once would be in its own way, so they are let go by and by, the eldest first.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { nameOf } from '../machine/bytes.ts';
import type { Command } from '../machine/command.ts';
import { type Contender, isElder } from '../machine/transaction-id.ts';

export interface InLine {
  readonly contender: Contender;
  readonly keys: readonly string[];
  /** It can't commit any more, whatever others do. */
  isHopeless(): boolean;
  /** It may, and says by `leave` when it is over, in this call or later. */
  begin(): void;
}

/** The keys that only one of those that saw the same can write: each as a text. */
export function contestedKeys(operations: Command): readonly string[] {
  const checked = new Set<string>();
  for (const { type, key } of operations) if (type === 'check-version') checked.add(nameOf(key));
  if (checked.size === 0) return [];
  const written = operations.filter(({ type }) => WRITING.includes(type));
  return written.map(({ key }) => nameOf(key)).filter((key) => checked.has(key));
}

const WRITING: readonly Command[number]['type'][] = [
  'put',
  'delete',
  'add',
  'min',
  'max',
  'append',
];

export class Line {
  /** Who is on its way, by each of its keys. */
  readonly #heads = new Map<string, InLine>();
  /** Who waits, by the key that was in the way, the eldest first. */
  readonly #waiting = new Map<string, InLine[]>();
  /** Invariant: whoever waits does so at this key. */
  readonly #places = new Map<InLine, string>();

  get waiting(): number {
    return this.#places.size;
  }

  enter(one: InLine): void {
    const key = this.#obstacleOf(one);
    const length = key === undefined ? 0 : (this.#waiting.get(key)?.length ?? 0);
    if (key !== undefined && length < TRANSACTION_LIMITS.lineMax) return this.#wait(one, key);
    // What is hopeless takes nobody's place, and neither does one for which the line has no room.
    if (key === undefined && !one.isHopeless()) {
      for (const each of one.keys) this.#heads.set(each, one);
    }
    one.begin();
  }

  /** It is over, wherever it was. */
  leave(one: InLine): void {
    if (this.#places.has(one)) return this.#forget(one);
    const freed = one.keys.filter((key) => this.#heads.get(key) === one);
    for (const key of freed) this.#heads.delete(key);
    for (const key of freed) this.#proceed(key);
  }

  /** Those whom nobody will call, because who was let go did not come back. */
  tick(): void {
    for (const key of [...this.#waiting.keys()]) if (!this.#heads.has(key)) this.#proceed(key);
  }

  /** Nobody is called any more. */
  close(): void {
    this.#heads.clear();
    this.#waiting.clear();
    this.#places.clear();
  }

  #obstacleOf(one: InLine): string | undefined {
    const taken = one.keys.find((key) => this.#heads.has(key));
    if (taken !== undefined) return taken;
    const crowded = one.keys.find((key) => this.#waiting.has(key));
    return crowded !== undefined && one.isHopeless() ? crowded : undefined;
  }

  #wait(one: InLine, key: string): void {
    const line = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, line);
    const at = line.findIndex(({ contender }) => isElder(one.contender, contender));
    line.splice(at < 0 ? line.length : at, 0, one);
    this.#places.set(one, key);
  }

  #forget(one: InLine): void {
    const key = this.#places.get(one) ?? '';
    const line = this.#waiting.get(key) ?? [];
    this.#places.delete(one);
    line.splice(line.indexOf(one), 1);
    if (line.length === 0) this.#waiting.delete(key);
  }

  /** The eldest that may still commit goes on, and some of those before it that may not. */
  #proceed(key: string): void {
    let released = 0;
    for (const one of [...(this.#waiting.get(key) ?? [])]) {
      const isFull = released >= TRANSACTION_LIMITS.lineReleases;
      const hasHead = this.#heads.has(key);
      if (isFull && hasHead) return;
      // Whoever was called may have called others.
      if (this.#places.get(one) !== key) continue;
      const isHopeless = one.isHopeless();
      if (isHopeless ? isFull : hasHead) continue;
      this.#forget(one);
      if (isHopeless) {
        released += 1;
        one.begin();
      } else this.enter(one);
    }
  }
}
