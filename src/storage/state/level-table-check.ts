/**
 * Whether a table of LevelDB is what was written, down to the last byte that counts: every block
 * against its checksum, and that blocks are all there is. LevelDB itself checks none of it, serves
 * what it finds and copies it into new tables.
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

/** What one read brings: 0.2 ms of checking. */
const PIECE_BYTES = 512 * 1024;

export interface LevelDamage {
  readonly file: string;
  readonly text: string;
  /** Keys whose rows may be gone or older than what was written; undefined if any may be. */
  readonly keys: DamagedKeys | undefined;
  /** The bytes whose checksum is wrong, if it is that. */
  readonly sum?: ChecksummedSpan | undefined;
}

/** Bytes [from, to) of a file, whose masked CRC-32C stands at `sumAt`. */
export interface ChecksummedSpan {
  readonly from: number;
  readonly to: number;
  readonly sumAt: number;
}

/** Behind `after`, undefined for the first key of all, up to `last`. */
export interface DamagedKeys {
  readonly after: Uint8Array | undefined;
  readonly last: Uint8Array;
}

/** Called after each read, with its bytes: a reader that has no hurry waits. */
export type Pace = (bytes: number) => Promise<void> | undefined;

interface TableLayout {
  readonly blocks: readonly DataBlock[];
  /** All that has a checksum and was not looked at for the layout. */
  readonly others: readonly BlockPlace[];
}

interface CheckOptions {
  readonly pace?: Pace | undefined;
  /** Told of every sound data block, with its trailer. */
  readonly onBlock?: ((bytes: Uint8Array) => void) | undefined;
}

/** All damage in a table; `gone` if there is no such file. */
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

/** The same, where the table should be there. */
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
      const what = bytes === undefined ? 'cannot be read' : 'is not what was written';
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

/** A block's checksum stands behind its contents and its type. */
function spanOf({ offset, size }: BlockPlace): ChecksummedSpan {
  const to = offset + size + 1;
  return { from: offset, to, sumAt: to };
}

interface NoLayout {
  readonly text: string;
  readonly sum: ChecksummedSpan | undefined;
}

/** Where the blocks of a file are, or what is wrong with the parts that tell. */
async function layoutOf(handle: FileHandle, size: number): Promise<TableLayout | NoLayout> {
  const none = (text: string, place?: BlockPlace): NoLayout => {
    return { text, sum: place && spanOf(place) };
  };
  if (size < FOOTER_BYTES) return none('is too short for a table');
  const end = size - FOOTER_BYTES;
  const footer = readFooter((await readAt(handle, end, FOOTER_BYTES)) ?? new Uint8Array(0));
  if (footer === undefined) return none('does not end like a table');
  const { metaindex, index } = footer;
  if (endOf(metaindex) !== index.offset || endOf(index) !== end) {
    return none('ends with a footer that is not what was written');
  }
  const tail = await readAt(handle, metaindex.offset, end - metaindex.offset);
  if (tail === undefined) return none('has an index that cannot be read');
  const indexAt = { offset: index.offset - metaindex.offset, size: index.size };
  const metaindexAt = { offset: 0, size: metaindex.size };
  if (!isSoundBlock(tail, indexAt)) return none('has an index that is damaged', index);
  if (!isSoundBlock(tail, metaindexAt)) {
    return none('has a metaindex that is damaged', metaindex);
  }
  const blocks = readIndex(tail.subarray(indexAt.offset, indexAt.offset + indexAt.size));
  const others = readMetaindex(tail.subarray(0, metaindexAt.size));
  if (blocks === undefined || others === undefined) return none('has an index that is none');
  let at = 0;
  for (const place of [...blocks, ...others]) {
    if (place.offset !== at) return none('has an index that leaves something out');
    at = endOf(place);
  }
  if (at !== metaindex.offset) return none('has an index that leaves something out');
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

/** Neighbours are read together, as many as make a piece, and one at least. */
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

/** Undefined if the disk cannot give it. */
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
