/** The twin of the row cipher: a call of OpenSSL for each text and each tag. */

import { createCipheriv, createHmac } from 'node:crypto';
import { TAG_BYTES } from '../../../src/storage/sealing/aead.ts';
import {
  HEAD_BYTES,
  type PlacedRow,
  type RowCipher,
  type RowKeys,
} from '../../../src/storage/sealing/row-cipher.ts';

export function plainRowCipher({ cipher, tag }: RowKeys): RowCipher {
  const turned = (first: number, text: Uint8Array) => {
    const counter = Buffer.from(first.toString(16).padStart(32, '0'), 'hex');
    return createCipheriv('aes-256-ctr', cipher, counter).update(text);
  };
  const tagOf = ({ stored, row }: PlacedRow) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(stored.length);
    const text = row.subarray(0, row.length - TAG_BYTES);
    const hmac = createHmac('sha256', tag).update(length).update(stored).update(text);
    return hmac.digest().subarray(0, TAG_BYTES);
  };
  const open = (placed: PlacedRow) => {
    const { first, row } = placed;
    const end = row.length - TAG_BYTES;
    if (Buffer.compare(tagOf(placed), row.subarray(end)) !== 0) return undefined;
    return new Uint8Array(turned(first, row.subarray(HEAD_BYTES, end)));
  };
  return {
    seal: (placed, text) => {
      const { first, row } = placed;
      row.set(turned(first, text), HEAD_BYTES);
      row.set(tagOf(placed), row.length - TAG_BYTES);
    },
    open,
    openFirst: (rows) => rows.map((placed) => open(placed)?.slice(0, 16)),
  };
}
