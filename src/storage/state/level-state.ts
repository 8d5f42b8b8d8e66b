/** The state store's disk on LevelDB. */

import { mkdirSync, statfsSync } from 'node:fs';
import { type Iterator as ClassicIterator, ClassicLevel } from 'classic-level';
import { assert } from '../../base/assert.ts';
import { isError } from '../../base/is-error.ts';
import { isOutOfSpace } from '../files/system-errors.ts';
import { checkLevel, isLevelName, namesIn } from './level-check.ts';
import { LevelScrub } from './level-scrub.ts';
import type { LevelDamage } from './level-table-check.ts';
import { SpaceReturned, StateStoreDamaged, StateUnusable } from './state.ts';
import type {
  DiskBatch,
  DiskCursor,
  DiskRange,
  DiskRow,
  DiskRows,
  DiskValues,
  DiskView,
  ReadLimits,
  StateDisk,
} from './state-disk.ts';

const MIB = 1024 * 1024;

/**
 * The write buffer holds a few checkpoints, so that few tables overlap. Values are not compressed:
 * many are packed already, and compression would take processor time of the node.
 */
const OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  writeBufferSize: 32 * MIB,
  cacheSize: 64 * MIB,
  maxFileSize: 8 * MIB,
  compression: false,
} as const;

const TABLES_MAX = 1000;

/** A turn follows each tick, so this is some seconds. */
const TENDS_BETWEEN_LOOKS = 100;
/** With this much free space reopening can succeed. */
const ROOM_BYTES = 32 * MIB;

/** Before and after all keys: those of a store begin with a small kind. */
const FIRST_KEY = new Uint8Array(1);
const BEYOND_KEYS = new Uint8Array(16).fill(0xff);

type Level = ClassicLevel<Uint8Array, Uint8Array>;
type LevelSnapshot = ReturnType<Level['snapshot']>;
type LevelIterator = ClassicIterator<Level, Uint8Array, Uint8Array>;

interface LevelStateOptions {
  readonly folder: string;
  /** The number of tables that LevelDB may keep open: the process's descriptors are limited. */
  readonly tablesMax?: number | undefined;
  /** A write failed. Called once; nothing is reported afterwards. */
  readonly onFault: (cause: unknown) => void;
  /**
   * A damaged file: later reads may miss rows or return old ones, so nothing is served. Called
   * once.
   */
  readonly onDamage: (damage: StateStoreDamaged) => void;
}

/**
 * Verifies every file, then opens the store or creates one. Throws `StateStoreDamaged` for damaged
 * files, `StateUnusable` for a folder that is not a store or is in use.
 */
export async function openLevelState(options: LevelStateOptions): Promise<StateDisk> {
  const { folder } = options;
  await refuseForeign(folder);
  const { damages } = await checkLevel(folder);
  if (damages.length > 0) throw damaged(folder, damages);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { tablesMax: maxOpenFiles = TABLES_MAX } = options;
  const level: Level = new ClassicLevel(folder, { ...OPTIONS, maxOpenFiles });
  try {
    await level.open();
    const isBlank = (await level.keys({ limit: 1 }).all()).length === 0;
    return new LevelState({ ...options, level, isBlank });
  } catch (cause) {
    if (level.status === 'open') await level.close();
    throw refusal(folder, cause);
  }
}

/** LevelDB would create a store among any files. */
async function refuseForeign(folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await namesIn(folder);
  } catch (cause) {
    throw new StateUnusable({ name: folder, problem: 'cannot be read', cause });
  }
  const foreign = names.filter((name) => !isLevelName(name));
  if (foreign.length === 0 || names.includes('CURRENT')) return;
  const problem = `has no file CURRENT but has ${foreign.slice(0, 3).join(', ')}`;
  throw new StateUnusable({ name: folder, problem });
}

function damaged(name: string, damages: readonly LevelDamage[]): StateStoreDamaged {
  return new StateStoreDamaged({
    name,
    places: damages.map(({ file, text }) => `${file} ${text}`),
  });
}

function refusal(name: string, cause: unknown): Error {
  const inner = isError(cause) && isError(cause.cause) ? cause.cause : cause;
  const code = isError(inner) && 'code' in inner ? inner.code : '';
  if (code === 'LEVEL_LOCKED') {
    return new StateUnusable({ name, problem: 'is in use by another process', cause });
  }
  const text = isError(inner) ? inner.message : String(inner);
  if (code === 'LEVEL_CORRUPTION') return new StateStoreDamaged({ name, places: [text], cause });
  return new StateUnusable({ name, problem: `cannot be opened (${text})`, cause });
}

function isCorruption(cause: unknown): boolean {
  return isError(cause) && 'code' in cause && cause.code === 'LEVEL_CORRUPTION';
}

class LevelState implements StateDisk {
  readonly isShort = false;
  readonly isSealed = false;
  readonly name: string;
  readonly isBlank: boolean;
  readonly #level: Level;
  readonly #options: LevelStateOptions;
  readonly #scrub: LevelScrub;
  #isOver = false;
  /** The cause, if LevelDB cannot write for lack of space. */
  #stuck: unknown;
  #looks = 0;
  #isDamaged = false;

  constructor(options: LevelStateOptions & { readonly level: Level; readonly isBlank: boolean }) {
    const { folder, level, isBlank } = options;
    this.name = folder;
    this.isBlank = isBlank;
    this.#level = level;
    this.#options = options;
    this.#scrub = new LevelScrub({
      folder,
      describe: () => level.getProperty('leveldb.sstables'),
      onDamage: (damages) => this.#reportDamage(damaged(folder, damages)),
    });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#level.getSync(key);
    } catch (cause) {
      this.noteUnreadable(cause);
      throw cause;
    }
  }

  /** LevelDB detects little damage in tables, but what it reports is damage. */
  noteUnreadable(cause: unknown): void {
    if (!isCorruption(cause)) return;
    const places = [isError(cause) ? cause.message : String(cause)];
    this.#reportDamage(new StateStoreDamaged({ name: this.name, places, cause }));
  }

  getMany(keys: readonly Uint8Array[], done: (values: DiskValues) => void): void {
    const report = (values: DiskValues) => {
      if (!this.#isOver) done(values);
    };
    this.#level.getMany([...keys]).then(report, (cause) => {
      this.noteUnreadable(cause);
      report('unreadable');
    });
  }

  batch(): DiskBatch {
    const batch = this.#level.batch();
    return {
      put: (key, value) => {
        batch.put(key, value);
      },
      delete: (key) => {
        batch.del(key);
      },
      write: (done) => {
        assert(!this.#isOver, 'nothing is written after a fault or a close');
        const report = () => {
          if (!this.#isOver) done();
        };
        batch.write({ sync: true }).then(report, (cause) => this.#fail(cause));
      },
    };
  }

  view(): DiskView {
    return new LevelView(this.#level, (cause) => this.noteUnreadable(cause));
  }

  /**
   * With space again the store has to be reopened: this LevelDB instance does not write any more.
   */
  maintain(): void {
    if (this.#stuck === undefined || this.#isOver) return;
    this.#looks += 1;
    if (this.#looks % TENDS_BETWEEN_LOOKS !== 0) return;
    const { bavail, bsize } = statfsSync(this.#options.folder);
    if (bavail * bsize < ROOM_BYTES) return;
    this.#isOver = true;
    this.#options.onFault(new SpaceReturned(this.#stuck));
  }

  compact(done: () => void): void {
    this.#compactRange(BEYOND_KEYS, done);
  }

  /** LevelDB begins a compaction, even of an empty range, by flushing its log into a table. */
  flush(done: () => void): void {
    this.#compactRange(FIRST_KEY, done);
  }

  #compactRange(end: Uint8Array, done: () => void): void {
    const report = () => {
      if (!this.#isOver) done();
    };
    this.#level.compactRange(FIRST_KEY, end).then(report, report);
  }

  /** Waits for operations in flight, without reporting them. */
  close(done: () => void): void {
    this.#isOver = true;
    const close = () => this.#level.close();
    this.#scrub.close().then(close).then(done, done);
  }

  /** A store without space can still be read, and the log keeps entries that it does not have. */
  #fail(cause: unknown): void {
    if (this.#isOver) return;
    if (isOutOfSpace(cause)) {
      this.#stuck = cause;
      return;
    }
    this.#isOver = true;
    this.#options.onFault(cause);
  }

  #reportDamage(damage: StateStoreDamaged): void {
    if (this.#isOver || this.#isDamaged) return;
    this.#isDamaged = true;
    this.#options.onDamage(damage);
  }
}

type OnUnreadable = (cause: unknown) => void;

class LevelView implements DiskView {
  readonly #level: Level;
  readonly #snapshot: LevelSnapshot;
  readonly #onUnreadable: OnUnreadable;
  readonly #cursors = new Set<LevelCursor>();

  constructor(level: Level, onUnreadable: OnUnreadable) {
    this.#level = level;
    this.#onUnreadable = onUnreadable;
    this.#snapshot = level.snapshot();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#level.getSync(key, { snapshot: this.#snapshot });
    } catch (cause) {
      this.#onUnreadable(cause);
      throw cause;
    }
  }

  cursor({ from, to, isReverse }: DiskRange): DiskCursor {
    const cursor = new LevelCursor({
      open: (highWaterMarkBytes) => {
        const { keyEncoding, valueEncoding } = OPTIONS;
        const range = { gte: from, lt: to, reverse: isReverse, keyEncoding, valueEncoding };
        const snapshot = this.#snapshot;
        return this.#level.iterator({ ...range, snapshot, highWaterMarkBytes, fillCache: false });
      },
      onUnreadable: this.#onUnreadable,
      onClose: () => this.#cursors.delete(cursor),
    });
    this.#cursors.add(cursor);
    return cursor;
  }

  close(): void {
    for (const cursor of this.#cursors) cursor.close();
    release(this.#snapshot.close());
  }
}

interface LevelCursorOptions {
  readonly open: (bytesMax: number) => LevelIterator;
  readonly onUnreadable: OnUnreadable;
  readonly onClose: () => void;
}

class LevelCursor implements DiskCursor {
  readonly #options: LevelCursorOptions;
  #iterator: LevelIterator | undefined;
  #isClosed = false;

  constructor(options: LevelCursorOptions) {
    this.#options = options;
  }

  next({ rowsMax, bytesMax }: ReadLimits, done: (rows: DiskRows) => void): void {
    assert(!this.#isClosed, 'a cursor is open when it is read');
    this.#iterator ??= this.#options.open(bytesMax);
    const report = (rows: DiskRows) => {
      if (!this.#isClosed) done(rows);
    };
    this.#iterator.nextv(rowsMax).then(
      (rows: DiskRow[]) => report(rows),
      (cause) => {
        if (!this.#isClosed) this.#options.onUnreadable(cause);
        report('unreadable');
      },
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose();
    if (this.#iterator !== undefined) release(this.#iterator.close());
  }
}

/** Closing completes on its own, and its failure has no consequence. */
function release(closing: Promise<void>): void {
  closing.then(ignore, ignore);
}

function ignore(): void {}
