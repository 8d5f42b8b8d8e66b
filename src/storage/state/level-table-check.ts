/**
 * Verifies a LevelDB table: every block against its checksum, and that blocks fill the file.
 * LevelDB itself verifies none of it, serves what it reads and copies it into new tables.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../files/system-errors.ts';
import { type TableFile, tableNames } from './level-manifest.ts';
import {
  type BlockPlace,
  type DataBlock,
  FOOTER_BYTES,
  isSoundBlock,
  readFooter,
  readIndex,
  readMetaindex,
  TRAILER_BYTES,
} from './level-table.ts';

/** The size of one read: 0.2 ms of checking. */
const PIECE_BYTES = 512 * 1024;

export interface LevelDamage {
  readonly file: string;
  readonly text: string;
  /** Keys whose rows may be missing or outdated; undefined if any key may be affected. */
  readonly keys: DamagedKeys | undefined;
  /** The bytes with the wrong checksum, if that is the problem. */
  readonly sum?: ChecksummedSpan | undefined;
}

/** Bytes [from, to) of a file, whose masked CRC-32C is at `sumAt`. */
export interface ChecksummedSpan {
  readonly from: number;
  readonly to: number;
  readonly sumAt: number;
}

/** Keys after `after`, from the first key if undefined, up to `last`. */
export interface DamagedKeys {
  readonly after: Uint8Array | undefined;
  readonly last: Uint8Array;
}

/** Called after each read with its size; a background reader waits there. */
export type Pace = (bytes: number) => Promise<void> | undefined;

interface TableLayout {
  readonly blocks: readonly DataBlock[];
  /** All blocks with a checksum that reading the layout did not verify. */
  readonly others: readonly BlockPlace[];
}

interface CheckOptions {
  readonly pace?: Pace | undefined;
  /** Receives every sound data block, with its trailer. */
  readonly onBlock?: ((bytes: Uint8Array) => void) | undefined;
}

/** All damage in a table; `gone` if the file does not exist. */
export async function checkTable(
  folder: string,
  table: TableFile,
  { pace = () => undefined, onBlock }: CheckOptions = {},
): Promise<readonly LevelDamage[] | 'gone'> {
  for (const file of tableNames(table.number)) {
    let handle: FileHandle;
    try {
      handle = await open(join(folder, file));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      throw error;
    }
    try {
      return await checkFile({ handle, file, table, pace, onBlock });
    } finally {
      await handle.close();
    }
  }
  return 'gone';
}

/** The same, where a missing file is damage. */
export async function damagesOf(
  folder: string,
  table: TableFile,
  options: CheckOptions,
): Promise<readonly LevelDamage[]> {
  const found = await checkTable(folder, table, options);
  if (found !== 'gone') return found;
  return [{ file: `${table.number}.ldb`, text: 'is missing', keys: wholeOf(table) }];
}

interface Checked {
  readonly handle: FileHandle;
  readonly file: string;
  readonly table: TableFile;
  readonly pace: Pace;
  readonly onBlock: CheckOptions['onBlock'];
}

async function checkFile(checked: Checked): Promise<readonly LevelDamage[]> {
  const { handle, file, table, pace, onBlock } = checked;
  const keys = wholeOf(table);
  const whole = (text: string): readonly LevelDamage[] => [{ file, text, keys }];
  const { size } = await handle.stat();
  if (table.size !== undefined && size !== table.size) {
    return whole(`has ${size} bytes and was written with ${table.size}`);
  }
  const layout = await layoutOf(handle, size);
  if ('text' in layout) return [{ file, keys, ...layout }];
  const damages: LevelDamage[] = [];
  for (const piece of piecesOf([...layout.blocks, ...layout.others])) {
    const bytes = await readAt(handle, piece.offset, piece.length);
    for (const place of piece.places) {
      const at = { offset: place.offset - piece.offset, size: place.size };
      if (bytes !== undefined && isSoundBlock(bytes, at)) {
        if ('last' in place) onBlock?.(bytes.subarray(at.offset, endOf(at)));
        continue;
      }
      const what = bytes === undefined ? 'cannot be read' : 'is damaged';
      const text = `the block of ${place.size} bytes at byte ${place.offset} ${what}`;
      damages.push({ file, text, keys: keysOf(place) ?? keys, sum: spanOf(place) });
    }
    await pace(piece.length);
  }
  return damages;
}

function wholeOf({ largest }: TableFile): DamagedKeys | undefined {
  return largest === undefined ? undefined : { after: undefined, last: largest };
}

function keysOf(place: BlockPlace | DataBlock): DamagedKeys | undefined {
  return 'last' in place ? { after: place.after, last: place.last } : undefined;
}

/** A block's checksum follows its contents and its type. */
function spanOf({ offset, size }: BlockPlace): ChecksummedSpan {
  const to = offset + size + 1;
  return { from: offset, to, sumAt: to };
}

interface NoLayout {
  readonly text: string;
  readonly sum: ChecksummedSpan | undefined;
}

/** The blocks of a file, or what is wrong with the parts that describe them. */
async function layoutOf(handle: FileHandle, size: number): Promise<TableLayout | NoLayout> {
  const none = (text: string, place?: BlockPlace): NoLayout => {
    return { text, sum: place && spanOf(place) };
  };
  if (size < FOOTER_BYTES) return none('is too short for a table');
  const end = size - FOOTER_BYTES;
  const footer = readFooter((await readAt(handle, end, FOOTER_BYTES)) ?? new Uint8Array(0));
  if (footer === undefined) return none('has no footer of a table');
  const { metaindex, index } = footer;
  if (endOf(metaindex) !== index.offset || endOf(index) !== end) {
    return none('has a damaged footer');
  }
  const tail = await readAt(handle, metaindex.offset, end - metaindex.offset);
  if (tail === undefined) return none('has an unreadable index');
  const indexAt = { offset: index.offset - metaindex.offset, size: index.size };
  const metaindexAt = { offset: 0, size: metaindex.size };
  if (!isSoundBlock(tail, indexAt)) return none('has a damaged index', index);
  if (!isSoundBlock(tail, metaindexAt)) {
    return none('has a damaged metaindex', metaindex);
  }
  const blocks = readIndex(tail.subarray(indexAt.offset, indexAt.offset + indexAt.size));
  const others = readMetaindex(tail.subarray(0, metaindexAt.size));
  if (blocks === undefined || others === undefined) return none('has a malformed index');
  let at = 0;
  for (const place of [...blocks, ...others]) {
    if (place.offset !== at) return none('has an index with gaps');
    at = endOf(place);
  }
  if (at !== metaindex.offset) return none('has an index with gaps');
  return { blocks, others };
}

function endOf({ offset, size }: BlockPlace): number {
  return offset + size + TRAILER_BYTES;
}

interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly places: readonly BlockPlace[];
}

/** Adjacent blocks are read together, up to the size of a read, and at least one. */
function piecesOf(places: readonly BlockPlace[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  while (from < places.length) {
    const { offset } = places[from] as BlockPlace;
    let to = from + 1;
    while (to < places.length && endOf(places[to] as BlockPlace) - offset <= PIECE_BYTES) to += 1;
    const length = endOf(places[to - 1] as BlockPlace) - offset;
    pieces.push({ offset, length, places: places.slice(from, to) });
    from = to;
  }
  return pieces;
}

/** Undefined if the disk cannot read it. */
async function readAt(
  handle: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  try {
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    return bytesRead === length ? bytes : undefined;
  } catch (error) {
    if (errnoOf(error) === 'EIO') return undefined;
    throw error;
  }
}
