/**
 * Rows that came and went. A key that came and went leaves no trace in the state, so a leader that
 * has to know whether a place was empty all the time asks here.
 *
 * Only rows that are younger than the question matter: a row that was there already was seen, and
 * is missed when it is gone. So each removal is kept with the version of the row.
 *
 * The latest removals are known exactly. Older ones are folded into tables of a fixed size, which
 * forget nothing: they may say of a key that it came and went although it did not, and never the
 * other way round. Nobody asks for what is older than the longest deadline.
 *
 * It is not replicated: each replica remembers what it has applied in this life, and says of what
 * was before that it does not know.
 */

import { MACHINE_LIMITS, SHARD_LIMITS } from '../base/limits.ts';
import { compareBytes, nameOf } from '../machine/bytes.ts';
import { type RowWrite, SECTION } from '../machine/section.ts';
import { DeletedKeys, type Deletion } from './deleted-keys.ts';
import { DeletedRanges } from './deleted-ranges.ts';

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
  /** Of each key the version that went last: to ask for a key does not depend on how many went. */
  readonly #last = new Map<string, number>();
  #bytes = 0;
  readonly #keys = new DeletedKeys();
  readonly #ranges = new DeletedRanges();
  /** All that was removed behind it is known; infinite before the first entry. */
  #floor = Number.POSITIVE_INFINITY;
  readonly #marks: Mark[] = [];

  /** Of every command, in order; the time is the log's. */
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

  /** Whether a row of the range may have come and gone then. */
  mayHave({ from, to, since, applied }: Question): boolean {
    const atOnce = this.#answerFor({ since, applied });
    if (atOnce !== undefined) return atOnce;
    for (let at = this.#recent.length - 1; at >= 0; at--) {
      const { index, key, version } = this.#recent[at] as Deletion;
      if (index > applied) continue;
      // What was folded was removed even earlier.
      if (index <= since) return false;
      if (version <= since || compareBytes(key, from) < 0) continue;
      if (to.length === 0 || compareBytes(key, to) < 0) return true;
    }
    return this.#ranges.mayHave({ from, to, since });
  }

  /** The same of one key; what is applied now is applied. */
  mayHaveKey(key: Uint8Array, time: Time): boolean {
    const atOnce = this.#answerFor(time);
    if (atOnce !== undefined) return atOnce;
    const { since } = time;
    return since < (this.#last.get(nameOf(key)) ?? 0) || this.#keys.mayHave(key, since);
  }

  /** Whatever the key, if nothing happened, or if it is not known what did. */
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

  /** The oldest eighth of what is known exactly. */
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

/** The key and its name, and what stands around them. */
function bytesOf(key: Uint8Array): number {
  return 2 * key.length + REMOVAL_BYTES;
}

const REMOVAL_BYTES = 128;
const KEPT_SHARE = 0.875;
const MARK_MILLISECONDS = 10_000;
