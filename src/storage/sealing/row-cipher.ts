/**
 * Authenticated encryption of short rows: AES-256 in counter mode, then HMAC-SHA-256 of the result.
 * AES-GCM would need an object for each row, which costs more than to encrypt it.
 */

import type { KeyObject } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { TAG_BYTES } from './aead.ts';
import { BLOCK_BYTES, KeyStream, StreamAhead, TEXT_BYTES_MAX, xor } from './key-stream.ts';
import { ROW_BYTES_AT_ONCE, RowTag } from './row-tag.ts';

/** What is before the ciphertext; authenticated, too. */
export const HEAD_BYTES = 20;
/** Above this AES-GCM costs less. */
export const SHORT_TEXT_BYTES_MAX = 1024;
assert(SHORT_TEXT_BYTES_MAX <= TEXT_BYTES_MAX, 'a short text is encrypted at once');
assert(
  HEAD_BYTES + SHORT_TEXT_BYTES_MAX + TAG_BYTES <= ROW_BYTES_AT_ONCE,
  'a short row is hashed at once',
);

/** Of one life of a store, derived apart from each other. */
export interface RowKeys {
  readonly cipher: KeyObject;
  readonly tag: KeyObject;
}

interface RowPlace {
  /** The key of the row. */
  readonly stored: Uint8Array;
  /** The first block of the key stream that is the row's. */
  readonly first: number;
}

export interface PlacedRow extends RowPlace {
  readonly row: Uint8Array;
}

/** A port: the simulator wraps it, to see that no block of a key stream is used for two rows. */
export interface RowCipher {
  /** Writes ciphertext and tag into a row that has its head, and room for them. */
  seal(placed: PlacedRow, text: Uint8Array): void;
  /** Undefined if anything is not as it was sealed: the bytes, the stored key or the place. */
  open(placed: PlacedRow): Uint8Array | undefined;
  /** The first block of each text; undefined as above, for all of a row is verified. */
  openFirst(rows: readonly PlacedRow[]): readonly (Uint8Array | undefined)[];
}

export function rowCipher({ cipher, tag: tagKey }: RowKeys): RowCipher {
  const stream = new KeyStream(cipher);
  const ahead = new StreamAhead(stream);
  const tag = new RowTag(tagKey);
  return {
    seal: ({ stored, first, row }, text) => {
      ahead.turn({ first, text, into: row.subarray(HEAD_BYTES) });
      tag.put(stored, row);
    },
    open: ({ stored, first, row }) => {
      if (!tag.fits(stored, row)) return undefined;
      const text = new Uint8Array(row.length - HEAD_BYTES - TAG_BYTES);
      stream.turn({ first, text: textIn(row), into: text });
      return text;
    },
    openFirst: (rows) => {
      const blocks = stream.blocksAt(rows.map(({ first }) => first));
      return rows.map(({ stored, row }, at) => {
        if (!tag.fits(stored, row)) return undefined;
        const block = blocks.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
        return xor(textIn(row).subarray(0, BLOCK_BYTES), block);
      });
    },
  };
}

function textIn(row: Uint8Array): Uint8Array {
  return row.subarray(HEAD_BYTES, row.length - TAG_BYTES);
}
