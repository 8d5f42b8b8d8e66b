/**
 * One stream at one replica: which changes of its range were sent, and what comes next. Without a
 * position to continue from it sends the range first, page by page.
 *
 * Invariant: exactly the changes of the range behind the start, through the position, were sent.
 * While the range is being read, that holds for the keys before the cursor; they were sent as of
 * some earlier position. A page is read of the state at the position, and nothing is sent before it
 * has arrived, so no change of its keys is sent twice or left out.
 */

import { assert, present } from '../base/assert.ts';
import { compareBytes } from '../base/bytes.ts';
import { ORIGIN, type Position } from '../raft/position.ts';
import type { History, ScanLimits } from './history.ts';
import type { WatchBounds } from './watched-ranges.ts';

/** What a stream reads of its replica's history. */
type Readable = Pick<History, 'head' | 'covers' | 'scan'>;

interface StreamOptions {
  readonly range: WatchBounds;
  /** Behind what it continues; undefined to begin with the range itself. */
  readonly start: StreamStart | undefined;
  /** Bytes that its client takes before it grants more. */
  readonly credit: number;
  readonly keysOnly: boolean;
}

interface StreamStart {
  readonly position: Position;
  /** The first key that was not read yet; undefined if all were. */
  readonly cursor: Uint8Array | undefined;
}

/** What a stream sends, or what it waits for. */
type StreamStep =
  /**
   * Whole entries. Or a part of one: then `through` is `after`, and the reader keeps it back until
   * a message moves the position.
   */
  | ({ readonly type: 'changes'; readonly block: Uint8Array; readonly scanned: number } & Move)
  /** Nothing to send was found among so many changes; there may be more behind them. */
  | { readonly type: 'scanned'; readonly scanned: number }
  /** A page of the range from this key on is to be read from the present state. */
  | { readonly type: 'read'; readonly from: Uint8Array }
  /** Everything was sent that is known here. */
  | { readonly type: 'synced' }
  /** It waits for credit, for a page, or for entries that are not applied here yet. */
  | { readonly type: 'waiting' }
  /** This replica does not know what comes behind its position. */
  | { readonly type: 'gone' };

/** The positions of the reader before and behind a message. */
interface Move {
  readonly after: Position;
  readonly through: Position;
}

export class Stream {
  readonly #range: WatchBounds;
  readonly #keysOnly: boolean;
  #position: Position | undefined;
  /** The position that the reader has: none of its range's changes lie between the two. */
  #told: Position;
  /** Of the entry behind the position. */
  #sent = 0;
  #cursor: Uint8Array | undefined;
  #isReading = false;
  #credit: number;

  constructor({ range, start, credit, keysOnly }: StreamOptions) {
    this.#range = range;
    this.#keysOnly = keysOnly;
    this.#credit = credit;
    this.#position = start?.position;
    this.#told = start?.position ?? ORIGIN;
    this.#cursor = start === undefined ? range.from : start.cursor;
  }

  /** Its client has not granted what the next message needs. */
  get isBlocked(): boolean {
    return this.#credit <= 0;
  }

  /** The range itself was not sent as a whole yet. */
  get isInitial(): boolean {
    return this.#cursor !== undefined;
  }

  /** Behind which it continues; undefined before it has begun. */
  get position(): Position | undefined {
    return this.#position;
  }

  grant(bytes: number): void {
    this.#credit += bytes;
  }

  /** Required: it is synced, and none of its range's changes lie between its position and this. */
  skipTo(position: Position): void {
    const { index } = present(this.#position, 'a stream that is synced has a position');
    assert(index <= position.index && this.#sent === 0, 'a stream only moves on');
    this.#position = position;
  }

  /** The next step, with the history of its replica as it is now. */
  next(history: Readable, limits: Pick<ScanLimits, 'bytesMax' | 'changesMax'>): StreamStep {
    const hasBegun = this.#position !== undefined;
    if (this.#isReading || (this.isBlocked && !hasBegun)) return { type: 'waiting' };
    // The first page may be of any state, so it is of the present one.
    this.#position ??= history.head;
    const position = this.#position;
    const coverage = history.covers(position);
    if (coverage === 'gone') return { type: 'gone' };
    if (coverage === 'ahead') return { type: 'waiting' };
    const isAtHead = position.index === history.head.index;
    // What is synced needs no credit to say so.
    if (this.isBlocked && (this.isInitial || !isAtHead)) return { type: 'waiting' };
    if (isAtHead) return this.#atHead();
    const hadParts = this.#sent > 0;
    const from = { index: position.index, sent: this.#sent };
    const { bytesMax, changesMax } = limits;
    const about = { bytesMax, changesMax, keysOnly: this.#keysOnly };
    const scan = history.scan(from, about, (key) => this.#wants(key));
    const { block, through, sent, scanned } = scan;
    this.#position = through;
    this.#sent = sent;
    this.#credit -= block.length;
    if (block.length > 0 || (hadParts && sent === 0)) {
      const move = sent > 0 ? { after: this.#told, through: this.#told } : this.#move(through);
      return { type: 'changes', block, scanned, ...move };
    }
    if (through.index < history.head.index || sent > 0) return { type: 'scanned', scanned };
    return this.#atHead();
  }

  /** Everything was sent that is known here. */
  #atHead(): StreamStep {
    if (this.#cursor === undefined) return { type: 'synced' };
    this.#isReading = true;
    return { type: 'read', from: this.#cursor };
  }

  /** The page that was asked for has arrived; no cursor for the end of the range. */
  took(bytes: number, cursor: Uint8Array | undefined): Move {
    assert(this.#isReading, 'a page was asked for');
    this.#isReading = false;
    this.#cursor = cursor;
    this.#credit -= bytes;
    return this.progress();
  }

  /** Tells the reader how far it has come. Required: no part of an entry was sent alone. */
  progress(): Move {
    assert(this.#sent === 0, 'a position is never in the middle of an entry');
    return this.#move(present(this.#position, 'a stream that has begun has a position'));
  }

  #move(through: Position): Move {
    const after = this.#told;
    this.#told = through;
    return { after, through };
  }

  #wants(key: Uint8Array): boolean {
    const { from, to } = this.#range;
    if (compareBytes(key, from) < 0) return false;
    if (to.length > 0 && compareBytes(key, to) >= 0) return false;
    return this.#cursor === undefined || compareBytes(key, this.#cursor) < 0;
  }
}
