/**
 * One shard with three replicas that lag, restart from checkpoints, install snapshots and drop what
 * they remember, and watchers that go from one to another. Whatever a watcher is given is compared
 * with the rows that the entries wrote, not with what the machine told.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Random } from '../../src/base/random.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { type RowWrite, SECTION } from '../../src/machine/section.ts';
import { ORIGIN, type Position } from '../../src/raft/position.ts';
import { Histories } from '../../src/shard/histories.ts';
import type { HistoryScan } from '../../src/shard/history.ts';
import { Rows } from '../machine/machine-rig.ts';
import { type Proposed, Traffic } from '../machine/traffic.ts';
import { stampOf } from '../support/stamp.ts';

const REPLICAS = 3;
const WATCHERS = 4;

interface LogEntry {
  readonly term: number;
  readonly payload: Uint8Array;
}

/** Rows as of a position. */
interface Checkpoint {
  readonly rows: Rows;
  readonly position: Position;
}

/** A change as rows show it: key, version before, version behind it (0 for none), value. */
type Seen = readonly [key: string, previous: number, version: number, value: string];

function seenIn(rows: Rows, { section, key, value }: RowWrite): readonly Seen[] {
  if (section !== SECTION.values) return [];
  const old = rows.get(section, key);
  const previous = (old && decodeRow(old)?.version) ?? 0;
  const row = value && decodeRow(value);
  const version = row?.version ?? 0;
  return version === previous ? [] : [[hex(key), previous, version, hex(row?.value)]];
}

function seenBy({ kind, key, previous, version, value }: KeyChange): Seen {
  return [hex(key), previous, kind === 'set' ? version : 0, hex(value)];
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex');
}

export class HistoryReplica {
  readonly #histories: Histories;
  history;
  rows = new Rows();
  #machine = new Machine({ source: this.rows });
  lastCheckpoint: Checkpoint = { rows: new Rows(), position: ORIGIN };
  /** By the definition: what the replica has missed last. */
  missed: Position = ORIGIN;

  constructor(histories: Histories) {
    this.#histories = histories;
    this.history = histories.open(ORIGIN);
  }

  get position(): Position {
    return this.history.head;
  }

  get recordUntil(): number {
    return this.#machine.metadata.recordUntil;
  }

  apply({ term, payload }: LogEntry): void {
    const index = this.position.index + 1;
    const outcome = this.#machine.apply({ index, payload });
    ok(outcome.type === 'applied');
    const { logTime, recordUntil } = this.#machine.metadata;
    const hasChanged = outcome.writes.some((write) => seenIn(this.rows, write).length > 0);
    this.#histories.add(this.history, { index, term }, outcome.changes);
    // An entry that lengthens the window changes no value.
    if (hasChanged && logTime > recordUntil) this.missed = { index, term };
    this.rows.apply(outcome.writes);
  }

  checkpoint(): Checkpoint {
    this.lastCheckpoint = { rows: this.rows.copy(), position: this.position };
    return this.lastCheckpoint;
  }

  /** Nothing that was in memory is left. */
  restart(): void {
    this.#histories.reset(this.history, ORIGIN);
    this.history = this.#histories.open(this.lastCheckpoint.position);
    this.#become(this.lastCheckpoint);
  }

  install(snapshot: Checkpoint): void {
    this.#histories.reset(this.history, snapshot.position);
    this.#become(snapshot);
    this.checkpoint();
  }

  #become({ rows, position }: Checkpoint): void {
    this.missed = position;
    this.rows = rows.copy();
    this.#machine = new Machine({ source: this.rows });
  }
}

/** Keys of one half, or all. */
type Range = (key: string) => boolean;
const RANGES: readonly Range[] = [
  () => true,
  (key) => key.charCodeAt(key.length - 1) % 2 === 0,
  (key) => key.endsWith('1'),
];

interface Watcher {
  readonly range: Range;
  position: Position;
  /** Of the entry behind the position, if it is being sent in parts. */
  parts: Seen[];
  sent: number;
  replica: number;
}

interface WorldOptions {
  readonly random: Random;
  /** For the histories of all replicas together. */
  readonly bytesMax: number;
  readonly recordChance: number;
  /** Replicas apply everything at once, and none is lost. */
  readonly isCalm?: boolean;
}

export class HistoryWorld {
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #traffic: Traffic;
  readonly replicas: readonly HistoryReplica[];
  readonly #histories: Histories;
  #log: LogEntry[] = [];
  /** By index: what the entry changed. */
  #truth: (readonly Seen[])[] = [];
  /** Of the state behind the last entry. */
  #rows = new Rows();
  #machine = new Machine({ source: this.#rows });
  #term = 1;
  #watchers: Watcher[] = [];
  readonly counts = { delivered: 0, gone: 0, forced: 0, parts: 0, old: 0, evicted: 0 };

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#traffic = new Traffic(options.random.fork('traffic'));
    this.#histories = new Histories({ bytesMax: options.bytesMax });
    this.replicas = Array.from({ length: REPLICAS }, () => new HistoryReplica(this.#histories));
    this.#commit(this.#traffic.first());
    for (let count = 0; count < WATCHERS; count++) this.#watchers.push(this.#watch());
  }

  step(): void {
    const random = this.#random;
    if (random.chance(0.02)) this.#term += 1;
    const proposed = this.#traffic.next();
    if (random.chance(this.#options.recordChance)) this.#commit(recordOf(proposed));
    this.#commit(proposed);
    if (this.#options.isCalm === true) {
      for (const replica of this.replicas) this.#applyAll(replica);
      return;
    }
    for (const replica of this.replicas) this.#disturb(replica);
    if (random.chance(0.002)) this.#forceAnew();
    for (const watcher of this.#watchers) {
      if (random.chance(0.6)) this.#pump(watcher);
      if (random.chance(0.02)) Object.assign(watcher, this.#watch());
    }
    ok(this.#histories.bytes <= this.#options.bytesMax, 'the budget holds');
  }

  /** Everything is applied everywhere, and every watcher is told all that it may know. */
  settle(): void {
    for (const replica of this.replicas) this.#applyAll(replica);
    for (const watcher of this.#watchers) {
      for (let round = 0; round < 10_000 && !this.#isAtEnd(watcher); round++) this.#pump(watcher);
      ok(this.#isAtEnd(watcher), 'a watcher reaches the end');
    }
    for (const replica of this.replicas) this.#checkFloor(replica);
  }

  #isAtEnd({ position }: Watcher): boolean {
    return position.index === this.#log.length;
  }

  /** How many entries are committed. */
  get length(): number {
    return this.#log.length;
  }

  /** Whether this entry is committed there; otherwise it is of a lost history, or yet to come. */
  knows({ index, term }: Position): boolean {
    return index <= this.#log.length && term === this.#termOf(index);
  }

  /** The versions of all keys behind an entry. */
  versionsAt(index: number): Map<string, number> {
    const versions = new Map<string, number>();
    for (const [key, , version] of this.#truth.slice(1, index + 1).flat()) {
      if (version === 0) versions.delete(key);
      else versions.set(key, version);
    }
    return versions;
  }

  /** Versions and values of all keys behind an entry. */
  rowsAt(index: number): Map<string, readonly [version: number, value: string]> {
    const rows = new Map<string, readonly [number, string]>();
    for (const [key, , version, value] of this.#truth.slice(1, index + 1).flat()) {
      if (version === 0) rows.delete(key);
      else rows.set(key, [version, value]);
    }
    return rows;
  }

  /** Of the last entry. */
  get position(): Position {
    return { index: this.length, term: this.#termOf(this.length) };
  }

  #commit({ payload }: Pick<Proposed, 'payload'>): void {
    const index = this.#log.push({ term: this.#term, payload });
    const outcome = this.#machine.apply({ index, payload });
    ok(outcome.type === 'applied');
    this.#truth[index] = outcome.writes.flatMap((write) => seenIn(this.#rows, write));
    this.#rows.apply(outcome.writes);
  }

  #disturb(replica: HistoryReplica): void {
    const random = this.#random;
    if (random.chance(0.02)) replica.checkpoint();
    if (random.chance(0.006)) replica.restart();
    if (random.chance(0.006)) {
      const other = random.pick(this.replicas);
      if (other.position.index > replica.position.index) replica.install(other.checkpoint());
    }
    if (random.chance(0.3)) this.#applyOne(replica);
    if (random.chance(0.3)) this.#applyAll(replica);
    this.#checkFloor(replica);
  }

  #applyOne(replica: HistoryReplica): void {
    const entry = this.#log[replica.position.index];
    if (entry !== undefined) replica.apply(entry);
  }

  #applyAll(replica: HistoryReplica): void {
    while (replica.position.index < this.#log.length) this.#applyOne(replica);
  }

  /** Without evictions the floor is what the replica has missed last, and no later entry. */
  #checkFloor({ history, missed }: HistoryReplica): void {
    const { floor } = history;
    ok(floor.index >= missed.index, 'what was missed is not covered');
    if (floor.index > missed.index) this.counts.evicted += 1;
    if (this.#options.bytesMax > 1e6) deepEqual(floor, missed, 'nothing else moves the floor');
    equal(floor.term, this.#termOf(floor.index));
  }

  /** A majority is lost: the shard continues from one replica's state, with other entries. */
  #forceAnew(): void {
    const snapshot = this.#random.pick(this.replicas).lastCheckpoint;
    this.counts.forced += 1;
    this.#term += 1;
    this.#log = this.#log.slice(0, snapshot.position.index);
    this.#rows = snapshot.rows.copy();
    this.#machine = new Machine({ source: this.#rows });
    for (const replica of this.replicas) replica.install(snapshot);
    // Streams end where a state is replaced: what was sent of an entry is no part of another one.
    for (const watcher of this.#watchers) Object.assign(watcher, { parts: [], sent: 0 });
  }

  #watch(): Watcher {
    const replica = this.#random.below(REPLICAS);
    const { position } = this.replicas[replica] as HistoryReplica;
    return { range: this.#random.pick(RANGES), position, parts: [], sent: 0, replica };
  }

  /** One message of a stream, perhaps of another replica: then parts are not continued. */
  #pump(watcher: Watcher): void {
    const random = this.#random;
    if (random.chance(0.2)) {
      watcher.replica = random.below(REPLICAS);
      watcher.parts = [];
      watcher.sent = 0;
    }
    const { history } = this.replicas[watcher.replica] as HistoryReplica;
    // What a leader says that has applied everything: nothing ahead of it can be committed.
    const hasAll = history.head.index === this.#log.length;
    const found = history.covers(watcher.position);
    const coverage = found === 'ahead' && hasAll ? 'gone' : found;
    const isKnown = watcher.position.term === this.#termOf(watcher.position.index);
    if (!isKnown) ok(coverage !== 'yes', 'a position of a lost history is never continued');
    if (coverage === 'gone') {
      if (isKnown) ok(watcher.position.index < history.floor.index, 'nothing is gone needlessly');
      else this.counts.old += 1;
      this.counts.gone += 1;
      const { range, replica } = watcher;
      Object.assign(watcher, { ...this.#watch(), range, replica, position: history.head });
    }
    if (coverage !== 'yes') return;
    const { position, sent, range } = watcher;
    const limits = { bytesMax: 1 + random.below(200), changesMax: 1 + random.below(6) };
    const scan = history.scan({ index: position.index, sent }, limits, (key) => range(hex(key)));
    this.#take(watcher, scan);
  }

  #take(watcher: Watcher, { block, through, sent, count }: HistoryScan): void {
    const { position, range } = watcher;
    const changes = decodeChanges(block);
    ok(changes !== undefined);
    equal(changes.length, count);
    watcher.parts.push(...changes.map(seenBy));
    watcher.sent = sent;
    if (sent > 0) this.counts.parts += 1;
    ok(through.index >= position.index, 'a position never goes back');
    equal(through.term, this.#termOf(through.index));
    const expected = this.#truth
      .slice(position.index + 1, through.index + 1)
      .flat()
      .filter(([key]) => range(key));
    // The changes of an entry in progress stand behind those of whole entries.
    deepEqual(watcher.parts.slice(0, expected.length), expected);
    const rest = watcher.parts.slice(expected.length);
    if (sent > 0) equal(expected.length, 0, 'a part of an entry stands alone');
    if (sent === 0) equal(rest.length, 0, 'no entry is begun');
    watcher.parts = rest;
    watcher.position = through;
    this.counts.delivered += expected.length;
  }

  /** Of the entry that is committed there. */
  #termOf(index: number): number {
    return index === 0 ? 0 : (this.#log[index - 1]?.term ?? -1);
  }
}

function recordOf({ time, epoch }: Proposed): Pick<Proposed, 'payload'> {
  const body: EntryBody = { type: 'record-changes', milliseconds: 2000 };
  return { payload: encodeEntry(stampOf({ time, epoch }), body) };
}
