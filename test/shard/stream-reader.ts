/**
 * A client with one stream, which it opens at one replica after the other. It keeps a copy of its
 * range, and compares it with the shard after every message.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { compareBytes, keyBehind } from '../../src/base/bytes.ts';
import type { Random } from '../../src/base/random.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { ORIGIN, type Position } from '../../src/raft/position.ts';
import { Stream } from '../../src/shard/stream.ts';
import type { WatchBounds } from '../../src/shard/watched-ranges.ts';
import type { HistoryReplica, HistoryWorld } from './history-world.ts';

interface Page {
  readonly rows: readonly (readonly [key: string, version: number])[];
  readonly cursor: Uint8Array | undefined;
}

const PAGE_ROWS_MAX = 3;

export class StreamReader {
  readonly #world: HistoryWorld;
  readonly #random: Random;
  readonly #range: WatchBounds;
  #replica: HistoryReplica;
  /** Of the replica when it was opened there: a restart ends its streams. */
  #history;
  #stream: Stream;
  #position: Position | undefined;
  #cursor: Uint8Array | undefined;
  #copy = new Map<string, number>();
  /** Changes of an entry that has not come as a whole. */
  #parts: KeyChange[] = [];
  /** The disk reads it. */
  #page: Page | undefined;
  #credit = 0;
  isSynced = false;
  readonly counts = { synced: 0, gone: 0, parts: 0, pages: 0, resumed: 0, blocked: 0 };

  constructor(world: HistoryWorld, range: WatchBounds, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#range = range;
    this.#cursor = range.from;
    this.#replica = world.replicas[0] as HistoryReplica;
    this.#history = this.#replica.history;
    this.#stream = this.#opened();
  }

  step(): void {
    const random = this.#random;
    const isOver = this.#replica.history !== this.#history;
    const isReset = this.#page !== undefined && !this.#isCovered();
    if (isOver || isReset || random.chance(0.05)) this.#move();
    if (this.#page !== undefined && random.chance(0.5)) this.#takePage(this.#page);
    if (this.#credit <= 0 && random.chance(0.5)) this.#grant();
    const { history } = this.#replica;
    const limits = { bytesMax: 1 + random.below(200), changesMax: 1 + random.below(6) };
    const step = this.#stream.next(history, limits);
    switch (step.type) {
      case 'changes':
        this.#take(step, step.block);
        return;
      case 'read':
        this.#page = this.#read(step.from);
        return;
      case 'synced':
        equal(this.#parts.length, 0, 'nothing is held back once everything was sent');
        if (random.chance(0.3)) this.#take(this.#stream.progress(), new Uint8Array());
        this.isSynced = this.#position?.index === this.#world.length;
        this.counts.synced += 1;
        return;
      case 'waiting':
        if (this.#credit <= 0) this.counts.blocked += 1;
        else if (this.#page === undefined) this.#wait();
        return;
      case 'gone':
        this.#startOver();
        return;
      case 'scanned':
        return;
    }
  }

  /** Entries may still come; what is ahead of a leader that has all of them never does. */
  #wait(): void {
    const isLost = this.#position !== undefined && !this.#world.knows(this.#position);
    if (isLost && this.#replica.position.index === this.#world.length) this.#startOver();
  }

  #isCovered(): boolean {
    return this.#position === undefined || this.#history.covers(this.#position) === 'yes';
  }

  #move(): void {
    this.#replica = this.#random.pick(this.#world.replicas);
    this.#stream = this.#opened();
    if (this.#position !== undefined) this.counts.resumed += 1;
  }

  #opened(): Stream {
    this.#history = this.#replica.history;
    this.#parts = [];
    this.#page = undefined;
    this.#credit = 1 + this.#random.below(300);
    const position = this.#position;
    const start = position === undefined ? undefined : { position, cursor: this.#cursor };
    return new Stream({ range: this.#range, start, credit: this.#credit, keysOnly: true });
  }

  #startOver(): void {
    this.counts.gone += 1;
    this.#position = undefined;
    this.#cursor = this.#range.from;
    this.#copy = new Map();
    this.#move();
  }

  #grant(): void {
    const bytes = 1 + this.#random.below(300);
    this.#credit += bytes;
    this.#stream.grant(bytes);
  }

  #read(from: Uint8Array): Page {
    const count = 1 + this.#random.below(PAGE_ROWS_MAX);
    const behind = this.#replica.rows
      .in(SECTION.values)
      .filter(({ key }) => compareBytes(key, from) >= 0 && this.#holds(key));
    const rows = behind.slice(0, count).map(({ key, value }) => {
      return [hex(key), decodeRow(value)?.version ?? 0] as const;
    });
    const last = behind[count - 1];
    const next = behind[count];
    if (last === undefined || next === undefined) return { rows, cursor: undefined };
    return { rows, cursor: this.#random.chance(0.5) ? next.key : keyBehind(last.key) };
  }

  #takePage({ rows, cursor }: Page): void {
    this.#page = undefined;
    const bytes = 10 * rows.length;
    this.#credit -= bytes;
    const move = this.#stream.took(bytes, cursor);
    for (const [key, version] of rows) {
      ok(!this.#copy.has(key), 'a row comes once');
      this.#copy.set(key, version);
    }
    this.#cursor = cursor;
    this.counts.pages += 1;
    this.#take(move, new Uint8Array());
  }

  #take({ after, through }: { after: Position; through: Position }, block: Uint8Array): void {
    const changes = decodeChanges(block);
    ok(changes !== undefined);
    if (block.length > 0) ok(this.#credit > 0, 'nothing is sent without credit');
    this.#credit -= block.length;
    deepEqual(after, this.#position ?? ORIGIN, 'a message continues where the reader is');
    this.#parts.push(...changes);
    this.isSynced = false;
    if (through.index === after.index && block.length > 0) {
      this.counts.parts += 1;
      return;
    }
    for (const change of this.#parts) this.#apply(change);
    this.#parts = [];
    this.#position = through;
    this.#compare(through);
  }

  #apply({ kind, key, previous, version }: KeyChange): void {
    const name = hex(key);
    equal(this.#copy.get(name) ?? 0, previous, `the version before a change of ${name}`);
    if (kind === 'set') this.#copy.set(name, version);
    else this.#copy.delete(name);
  }

  /** Keys before the cursor are as they were behind the entry at the position. */
  #compare(position: Position): void {
    ok(this.#world.knows(position), 'only what is committed is sent');
    const expected = new Map(
      [...this.#world.versionsAt(position.index)].filter(([name]) => {
        const key = new Uint8Array(Buffer.from(name, 'hex'));
        const isRead = this.#cursor === undefined || compareBytes(key, this.#cursor) < 0;
        return isRead && this.#holds(key);
      }),
    );
    deepEqual(new Map([...this.#copy].sort()), new Map([...expected].sort()));
  }

  #holds(key: Uint8Array): boolean {
    const { from, to } = this.#range;
    return compareBytes(key, from) >= 0 && (to.length === 0 || compareBytes(key, to) < 0);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
