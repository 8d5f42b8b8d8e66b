/**
 * Rows that were written and deleted again. Such a key leaves no trace in the state, so a leader
 * that has to know whether a key was absent all the time asks here.
 *
 * Only rows that are newer than the asked version matter: a row that was there already was seen,
 * and its deletion fails the check. So each deletion is kept with the version of the row.
 *
 * The latest deletions are known exactly. Older ones are folded into tables of a fixed size, which
 * never forget: they may have false positives, and never false negatives. No request asks for a
 * time before the longest deadline.
 *
 * It is not replicated: each replica remembers what it has applied in this life, and answers
 * "unknown" for everything before.
 */

import { compareBytes, nameOf } from '../base/bytes.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { type RowWrite, SECTION } from '../machine/section.ts';
import { DeletedKeys, type Deletion } from './deleted-keys.ts';
import { DeletedRanges } from './deleted-ranges.ts';
import { SHARD_LIMITS } from './limits.ts';

/** After the one index was applied, up to the other. */
interface Time {
  readonly since: number;
  readonly applied: number;
}

/** Keys in [from, to); no bytes leave the end open. */
interface Question extends Time {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** When an entry was applied, in log time. */
interface Mark {
  readonly time: number;
  readonly index: number;
}

export class RecentDeletes {
  /** In the order of their entries. */
  #recent: Deletion[] = [];
  /** The last deleted version of each key: a lookup does not depend on the number of deletions. */
  readonly #last = new Map<string, number>();
  #bytes = 0;
  readonly #keys = new DeletedKeys();
  readonly #ranges = new DeletedRanges();
  /** All deletions after it are known; infinite before the first entry. */
  #floor = Number.POSITIVE_INFINITY;
  readonly #marks: Mark[] = [];

  /** Called for every command, in order; the time is log time. */
  note({ index, time }: Mark, writes: readonly RowWrite[]): void {
    if (this.#floor === Number.POSITIVE_INFINITY) this.#floor = index - 1;
    this.#pass({ index, time });
    for (const { section, key, value, removed = index } of writes) {
      if (section !== SECTION.values || value !== undefined || removed <= this.#floor) continue;
      this.#recent.push({ index, key: key.slice(), version: removed });
      this.#last.set(nameOf(key), removed);
      this.#bytes += bytesOf(key);
    }
    if (this.#bytes > SHARD_LIMITS.removalsBytesMax) this.#fold();
  }

  /** Whether a row of the range may have been written and deleted then. */
  mayHave({ from, to, since, applied }: Question): boolean {
    const atOnce = this.#answerFor({ since, applied });
    if (atOnce !== undefined) return atOnce;
    for (let at = this.#recent.length - 1; at >= 0; at--) {
      const { index, key, version } = this.#recent[at] as Deletion;
      if (index > applied) continue;
      // The folded deletions happened even earlier.
      if (index <= since) return false;
      if (version <= since || compareBytes(key, from) < 0) continue;
      if (to.length === 0 || compareBytes(key, to) < 0) return true;
    }
    return this.#ranges.mayHave({ from, to, since });
  }

  /** The same for one key, up to the applied index. */
  mayHaveKey(key: Uint8Array, time: Time): boolean {
    const atOnce = this.#answerFor(time);
    if (atOnce !== undefined) return atOnce;
    const { since } = time;
    return since < (this.#last.get(nameOf(key)) ?? 0) || this.#keys.mayHave(key, since);
  }

  /** The answer for every key, if nothing was deleted, or if the time is unknown. */
  #answerFor({ since, applied }: Time): boolean | undefined {
    if (since >= applied) return false;
    if (since < this.#floor) return true;
    return undefined;
  }

  /** No transaction is open for longer than the longest deadline. */
  #pass(now: Mark): void {
    const last = this.#marks.at(-1);
    if (last === undefined || now.time - last.time >= MARK_MILLISECONDS) this.#marks.push(now);
    const over = now.time - MACHINE_LIMITS.timeoutMillisecondsMax;
    while ((this.#marks[1]?.time ?? Number.POSITIVE_INFINITY) < over) this.#marks.shift();
    const first = this.#marks[0] as Mark;
    if (first.time < over && first.index > this.#floor) this.#floor = first.index;
  }

  /** Folds the oldest eighth of the exactly known deletions. */
  #fold(): void {
    let at = 0;
    while (this.#bytes > SHARD_LIMITS.removalsBytesMax * KEPT_SHARE) {
      const { key, version } = this.#recent[at] as Deletion;
      this.#bytes -= bytesOf(key);
      const name = nameOf(key);
      if (this.#last.get(name) === version) this.#last.delete(name);
      at += 1;
    }
    const folded = this.#recent.slice(0, at).filter(({ version }) => version > this.#floor);
    this.#recent = this.#recent.slice(at);
    for (const removal of folded) this.#keys.note(removal);
    this.#ranges.note(folded, this.#floor);
  }
}

/** The key and its name, and the overhead of the containers. */
function bytesOf(key: Uint8Array): number {
  return 2 * key.length + REMOVAL_BYTES;
}

const REMOVAL_BYTES = 128;
const KEPT_SHARE = 0.875;
const MARK_MILLISECONDS = 10_000;
