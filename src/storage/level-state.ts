/** The disk of the state store on LevelDB. */

import { mkdirSync, readdirSync } from 'node:fs';
import { type Iterator as ClassicIterator, ClassicLevel } from 'classic-level';
import { assert } from '../base/assert.ts';
import { StateUnusable } from './state.ts';
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
 * The write buffer takes a few checkpoints, so that few tables overlap; bytes go as they are,
 * because values are often packed already and the time is ours.
 */
const OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  writeBufferSize: 32 * MIB,
  cacheSize: 64 * MIB,
  maxFileSize: 8 * MIB,
  compression: false,
} as const;

type Level = ClassicLevel<Uint8Array, Uint8Array>;
type LevelSnapshot = ReturnType<Level['snapshot']>;
type LevelIterator = ClassicIterator<Level, Uint8Array, Uint8Array>;

interface LevelStateOptions {
  readonly folder: string;
  /** A write failed. Called once; nothing is reported afterwards. */
  readonly onFault: (cause: unknown) => void;
}

/** Opens or creates; throws `StateUnusable` for what is damaged or not a store at all. */
export async function openLevelState({ folder, onFault }: LevelStateOptions): Promise<StateDisk> {
  refuseForeign(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const level: Level = new ClassicLevel(folder, OPTIONS);
  try {
    await level.open();
    const isBlank = (await level.keys({ limit: 1 }).all()).length === 0;
    return new LevelState({ folder, level, isBlank, onFault });
  } catch (cause) {
    if (level.status === 'open') await level.close();
    throw new StateUnusable({ name: folder, problem: problemOf(cause), cause });
  }
}

/** LevelDB would make itself at home among anything. */
function refuseForeign(folder: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) {
      throw new StateUnusable({ name: folder, problem: 'cannot be read', cause });
    }
  }
  if (names.length === 0 || names.includes('CURRENT')) return;
  const problem = `has no file CURRENT but has ${names.slice(0, 3).join(', ')}`;
  throw new StateUnusable({ name: folder, problem });
}

function problemOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const isLocked = inner instanceof Error && 'code' in inner && inner.code === 'LEVEL_LOCKED';
  if (isLocked) return 'is in use by another process';
  return `cannot be opened (${inner instanceof Error ? inner.message : String(inner)})`;
}

class LevelState implements StateDisk {
  readonly name: string;
  readonly isBlank: boolean;
  readonly #level: Level;
  readonly #onFault: (cause: unknown) => void;
  #isOver = false;

  constructor(options: LevelStateOptions & { readonly level: Level; readonly isBlank: boolean }) {
    this.name = options.folder;
    this.isBlank = options.isBlank;
    this.#level = options.level;
    this.#onFault = options.onFault;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#level.getSync(key);
  }

  getMany(keys: readonly Uint8Array[], done: (values: DiskValues) => void): void {
    const report = (values: DiskValues) => {
      if (!this.#isOver) done(values);
    };
    this.#level.getMany([...keys]).then(report, () => report('unreadable'));
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
    return new LevelView(this.#level);
  }

  /** Waits for what is under way, without reporting it. */
  close(done: () => void): void {
    this.#isOver = true;
    this.#level.close().then(done, done);
  }

  #fail(cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onFault(cause);
  }
}

class LevelView implements DiskView {
  readonly #level: Level;
  readonly #snapshot: LevelSnapshot;
  readonly #cursors = new Set<LevelCursor>();

  constructor(level: Level) {
    this.#level = level;
    this.#snapshot = level.snapshot();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#level.getSync(key, { snapshot: this.#snapshot });
  }

  cursor({ from, to, isReverse }: DiskRange): DiskCursor {
    const cursor = new LevelCursor({
      open: (highWaterMarkBytes) => {
        const { keyEncoding, valueEncoding } = OPTIONS;
        const range = { gte: from, lt: to, reverse: isReverse, keyEncoding, valueEncoding };
        const snapshot = this.#snapshot;
        return this.#level.iterator({ ...range, snapshot, highWaterMarkBytes, fillCache: false });
      },
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
    assert(!this.#isClosed, 'a cursor that is read is open');
    this.#iterator ??= this.#options.open(bytesMax);
    const report = (rows: DiskRows) => {
      if (!this.#isClosed) done(rows);
    };
    this.#iterator.nextv(rowsMax).then(
      (rows: DiskRow[]) => report(rows),
      () => report('unreadable'),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose();
    if (this.#iterator !== undefined) release(this.#iterator.close());
  }
}

/** Closing ends by itself, and there is nobody to tell if it does not. */
function release(closing: Promise<void>): void {
  closing.then(ignore, ignore);
}

function ignore(): void {}
