/**
 * Transactions that check and write the same keys of their home shard, one after the other. Of
 * those that saw the same version only one can commit, so that the others lose nothing by waiting.
 * Who waits here has not begun: it holds nothing, nobody meets it, and it may wait for a younger one.
 *
 * Whoever has lost all hope meanwhile will come back with a newer version. A crowd that came back
 * at once would be in its own way, so they are let go one by one, the eldest first, and for some
 * ticks whoever is younger waits until it is back: so everybody gets through in the order of age.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { areEqual, nameOf } from '../machine/bytes.ts';
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

/** One that was let go and will be back, as old as it is. */
interface Expected {
  readonly contender: Contender;
  ticksLeft: number;
}

export class Line {
  /** Who is on its way, by each of its keys. */
  readonly #heads = new Map<string, InLine>();
  /** Who waits, by the key that was in the way, the eldest first. */
  readonly #waiting = new Map<string, InLine[]>();
  /** Invariant: whoever waits does so at this key. */
  readonly #places = new Map<InLine, string>();
  /** Who was let go, by the key where it waited. */
  readonly #expected = new Map<string, Expected[]>();

  get waiting(): number {
    return this.#places.size;
  }

  enter(one: InLine): void {
    for (const key of one.keys) this.#dismiss(key, (expected) => !isSame(expected, one));
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
    for (const key of [...this.#expected.keys()]) {
      this.#dismiss(key, (expected) => {
        expected.ticksLeft -= 1;
        return expected.ticksLeft > 0;
      });
    }
    for (const key of [...this.#waiting.keys()]) if (!this.#heads.has(key)) this.#proceed(key);
  }

  /** Nobody is called any more. */
  close(): void {
    this.#heads.clear();
    this.#waiting.clear();
    this.#places.clear();
    this.#expected.clear();
  }

  #obstacleOf(one: InLine): string | undefined {
    const taken = one.keys.find((key) => this.#heads.has(key));
    if (taken !== undefined) return taken;
    if (one.isHopeless()) return one.keys.find((key) => this.#waiting.has(key));
    const { contender } = one;
    const isYounger = (other: Expected) => isElder(other.contender, contender);
    return one.keys.find((key) => this.#expected.get(key)?.some(isYounger));
  }

  #dismiss(key: string, stays: (expected: Expected) => boolean): void {
    const expected = this.#expected.get(key)?.filter(stays);
    if (expected === undefined) return;
    if (expected.length > 0) this.#expected.set(key, expected);
    else this.#expected.delete(key);
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

  /** The eldest that may still commit goes on, and the eldest that may not is let go. */
  #proceed(key: string): void {
    let hasLetGo = false;
    let isTaken = this.#heads.has(key);
    for (const one of [...(this.#waiting.get(key) ?? [])]) {
      if (hasLetGo && isTaken) return;
      // Whoever was called may have called others.
      if (this.#places.get(one) !== key) continue;
      if (one.isHopeless()) {
        if (hasLetGo) continue;
        hasLetGo = true;
        this.#forget(one);
        this.#expect(one, key);
        one.begin();
      } else if (!isTaken) {
        this.#forget(one);
        this.enter(one);
        // Or it is kept for one that will be back.
        isTaken = this.#heads.has(key) || this.#places.get(one) === key;
      }
    }
  }

  #expect({ contender }: InLine, key: string): void {
    const expected = this.#expected.get(key) ?? [];
    if (expected.length >= TRANSACTION_LIMITS.lineMax) return;
    const ticksLeft = TRANSACTION_LIMITS.lineReturnTicks;
    this.#expected.set(key, [...expected, { contender, ticksLeft }]);
  }
}

/** Another attempt of the same transaction has another sequence, and the age of the first. */
function isSame({ contender: one }: Expected, { contender: other }: InLine): boolean {
  return one.age === other.age && areEqual(one.id.client, other.id.client);
}
