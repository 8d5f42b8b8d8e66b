/**
 * How far one shard of a watch was read, and what its next message adds.
 *
 * A message is taken only if it continues where the reader is: so that nothing is lost or told
 * twice does not depend on the transport, nor on which replica sends.
 *
 * Invariant: all changes of the range behind the start, through the position, were taken. While
 * the range is being read, that holds for the keys before the cursor.
 */

import { compareBytes } from '../../../base/bytes.ts';
import { decodeChanges } from '../../../machine/change-codec.ts';
import type { KeyChange } from '../../../machine/key-change.ts';
import type { StreamStart } from '../../../wire/request.ts';
import type { Response } from '../../../wire/response.ts';
import { isWithin, type KeyRange } from '../range.ts';
import type { LogPosition, StreamMark } from './watch-call.ts';

export type StreamMessage = Extract<Response, { type: 'changes' }>;

type Taken =
  /** A part of an entry: it is kept back until the entry is complete. */
  | { readonly type: 'part' }
  | { readonly type: 'changes' | 'rows'; readonly changes: readonly KeyChange[] }
  /** It does not continue where the reader is, or cannot be read. Nothing was taken. */
  | { readonly type: 'refused'; readonly why: string };

const NONE: readonly KeyChange[] = [];

export class StreamReader {
  readonly #range: KeyRange;
  readonly #keysOnly: boolean;
  /** Undefined until the first message of a read. */
  #position: LogPosition | undefined;
  /** The first key that was not read yet; undefined when the whole range was read. */
  #cursor: Uint8Array | undefined;
  /** Changes behind the position that were told before, by the resume token. */
  #skip = 0;
  /** Changes of the entry behind the position, which is not complete. */
  #parts: readonly KeyChange[] = NONE;
  /** What was named last; readers that follow one another share it. */
  #mark: StreamMark | undefined;

  /** Begins with the range itself, unless there is a mark to continue from. */
  constructor(options: {
    readonly range: KeyRange;
    readonly keysOnly: boolean;
    readonly mark: StreamMark | undefined;
  }) {
    const { range, keysOnly, mark } = options;
    this.#range = range;
    this.#keysOnly = keysOnly;
    if (mark === undefined) this.restart();
    else this.continueFrom(mark);
  }

  /** Whether the range was read: all that follows are changes. */
  get isRead(): boolean {
    return this.#cursor === undefined;
  }

  /** Whether it has a position. */
  get isPlaced(): boolean {
    return this.#position !== undefined;
  }

  /** Of its position; 0 until there is one. */
  get index(): number {
    return this.#position?.index ?? 0;
  }

  /** What a resume token may name; undefined while the range is being read. */
  get mark(): StreamMark | undefined {
    if (this.#position === undefined || !this.isRead) return undefined;
    if (this.#mark?.position !== this.#position || this.#mark.skip !== this.#skip) {
      this.#mark = { position: this.#position, skip: this.#skip };
    }
    return this.#mark;
  }

  /** Reads the range from its first key. */
  restart(): void {
    this.#position = undefined;
    this.#cursor = this.#range.from;
    this.#skip = 0;
    this.#parts = NONE;
  }

  /** Nothing of the range is read, only what changes behind the mark. */
  continueFrom({ position, skip }: StreamMark): void {
    this.#position = position;
    this.#cursor = undefined;
    this.#skip = skip;
    this.#parts = NONE;
  }

  /** Where another stream is to begin; it sends the parts of an entry again. */
  begin(): StreamStart | undefined {
    this.#parts = NONE;
    if (this.#position === undefined) return undefined;
    return { position: this.#position, cursor: this.#cursor };
  }

  /** Whether all that follows for the one follows for the other, too. */
  isAtSamePlaceAs(other: StreamReader): boolean {
    if (this.#skip > 0 || other.#skip > 0) return false;
    const [here, there] = [this.#position, other.#position];
    if (here === undefined || there === undefined) return here === there;
    const isSame = here.index === there.index && here.term === there.term;
    return isSame && this.isRead && other.isRead;
  }

  /** The other one, which was at the same place, has taken a message. */
  follow(other: StreamReader): void {
    this.#position = other.#position;
    this.#cursor = other.#cursor;
    this.#mark = other.mark;
  }

  /** It goes on in the place of the other one. */
  takeParts(other: StreamReader): void {
    this.#parts = other.#parts;
    other.#parts = NONE;
  }

  take(message: StreamMessage): Taken {
    const { after, through, kind } = message;
    if (after !== this.index || through < after) {
      return refused(`it continues behind ${after}, and the client is at ${this.index}`);
    }
    switch (kind) {
      case 'changes':
        return this.#takeChanges(message);
      case 'rows':
      case 'rows-end':
        return this.#takeRows(message);
      case 'progress':
        if (this.#parts.length > 0) return refused('progress in the middle of an entry');
        this.#move(message);
        return { type: 'changes', changes: NONE };
    }
  }

  #takeChanges(message: StreamMessage): Taken {
    const changes = decodeChanges(message.block);
    if (changes === undefined) return refused('changes that cannot be read');
    if (!changes.every((change) => this.#isExpected(change, this.#cursor))) {
      return refused('a change that is not of its range');
    }
    if (message.through === message.after) {
      this.#parts = [...this.#parts, ...changes];
      return { type: 'part' };
    }
    const whole = this.#parts.length === 0 ? changes : [...this.#parts, ...changes];
    this.#parts = NONE;
    const skipped = Math.min(this.#skip, whole.length);
    this.#skip -= skipped;
    this.#move(message);
    return { type: 'changes', changes: skipped === 0 ? whole : whole.slice(skipped) };
  }

  #takeRows(message: StreamMessage): Taken {
    const cursor = this.#cursor;
    if (cursor === undefined) return refused('a row behind the end of the range');
    if (this.#parts.length > 0) return refused('a row in the middle of an entry');
    const rows = decodeChanges(message.block);
    if (rows === undefined) return refused('rows that cannot be read');
    const next = message.kind === 'rows-end' ? undefined : message.cursor;
    if (next !== undefined && compareBytes(next, cursor) <= 0) {
      return refused('a page that does not advance');
    }
    for (const [at, row] of rows.entries()) {
      const before = rows[at - 1]?.key;
      const isAscending = before === undefined || compareBytes(before, row.key) < 0;
      const isBehind = compareBytes(row.key, cursor) >= 0;
      if (row.kind !== 'set' || !isAscending || !isBehind || !this.#isExpected(row, next)) {
        return refused('a row that is not of its page');
      }
    }
    this.#cursor = next;
    this.#move(message);
    return { type: 'rows', changes: rows };
  }

  #isExpected({ kind, key, value }: KeyChange, before: Uint8Array | undefined): boolean {
    const hasValue = kind === 'set' && !this.#keysOnly;
    if ((value !== undefined) !== hasValue || !isWithin(key, this.#range)) return false;
    return before === undefined || compareBytes(key, before) < 0;
  }

  #move({ through, throughTerm }: StreamMessage): void {
    this.#position = { index: through, term: throughTerm };
  }
}

function refused(why: string): Taken {
  return { type: 'refused', why };
}
