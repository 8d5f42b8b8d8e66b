/**
 * The state store's disk with sealed rows. Keys stay readable, because LevelDB orders them. Sealed
 * are the rows of machines and the records of shards, whose hashes tell of rows; the record of the
 * store and the marks of batches hold no data.
 */

import type {
  DiskBatch,
  DiskCursor,
  DiskRow,
  DiskRows,
  DiskValues,
  DiskView,
  StateDisk,
} from '../state/state-disk.ts';
import { KEY_KIND } from '../state/state-key.ts';
import type { Keyring } from './keyring.ts';
import { RowSeal, type StoredRow } from './row-seal.ts';

/** Too short for any row or record, so its checksum is wrong: the path of all other damage. */
const DAMAGED = new Uint8Array(1);

function isSealed(key: Uint8Array): boolean {
  return key[0] === KEY_KIND.row || key[0] === KEY_KIND.shard;
}

export function sealedDisk(disk: StateDisk, keyring: Keyring): StateDisk {
  const seal = new RowSeal(keyring);
  return {
    name: disk.name,
    isBlank: disk.isBlank,
    get isShort() {
      return disk.isShort;
    },
    get: (key) => opened(seal, key, disk.get(key)),
    isSealed: true,
    getMany: (keys, done) => {
      disk.getMany(keys, (values: DiskValues) => {
        done(values === 'unreadable' ? values : openedFirst(seal, keys, values));
      });
    },
    batch: () => sealedBatch(disk.batch(), seal),
    view: () => openedView(disk.view(), seal),
    maintain: () => disk.maintain(),
    compact: (done) => disk.compact(done),
    flush: (done) => disk.flush(done),
    close: (done) => disk.close(done),
  };
}

/** What is left of rows that were read without their store. */
export function openRows(
  rows: Iterable<readonly [name: string, value: Uint8Array]>,
  {
    keyring,
    keyNamed,
  }: { readonly keyring: Keyring; readonly keyNamed: (name: string) => Uint8Array },
): Map<string, Uint8Array> {
  const seal = new RowSeal(keyring);
  const open = new Map<string, Uint8Array>();
  for (const [name, value] of rows) open.set(name, opened(seal, keyNamed(name), value) ?? DAMAGED);
  return open;
}

function opened(
  seal: RowSeal,
  key: Uint8Array,
  value: Uint8Array | undefined,
): Uint8Array | undefined {
  if (value === undefined || !isSealed(key)) return value;
  return seal.open(key, value) ?? DAMAGED;
}

function openedFirst(
  seal: RowSeal,
  keys: readonly Uint8Array[],
  values: readonly (Uint8Array | undefined)[],
): readonly (Uint8Array | undefined)[] {
  const rows: StoredRow[] = [];
  for (const [at, row] of values.entries()) {
    if (row !== undefined) rows.push({ stored: keys[at] as Uint8Array, row });
  }
  const texts = seal.openFirst(rows);
  let next = 0;
  return values.map((row) => (row === undefined ? row : (texts[next++] ?? DAMAGED)));
}

function sealedBatch(batch: DiskBatch, seal: RowSeal): DiskBatch {
  return {
    put: (key, value) => batch.put(key, isSealed(key) ? seal.seal(key, value) : value),
    delete: (key) => batch.delete(key),
    write: (done) => batch.write(done),
  };
}

function openedView(view: DiskView, seal: RowSeal): DiskView {
  return {
    get: (key) => opened(seal, key, view.get(key)),
    cursor: (range) => openedCursor(view.cursor(range), seal),
    close: () => view.close(),
  };
}

function openedCursor(cursor: DiskCursor, seal: RowSeal): DiskCursor {
  const openRow = ([key, value]: DiskRow): DiskRow => [key, opened(seal, key, value) ?? DAMAGED];
  return {
    next: (limits, done) => {
      cursor.next(limits, (rows: DiskRows) => {
        done(rows === 'unreadable' ? rows : rows.map(openRow));
      });
    },
    close: () => cursor.close(),
  };
}
