/**
 * Seals the rows of one life of a state store, and opens those of any life:
 *
 *     data key (2 bytes) | salt of the life (12) | number in the life (6) | ciphertext | tag
 *
 * The salt makes the keys, and the stored key is authenticated with the row. With the highest bit
 * of the data key set the row is short (`row-cipher`), and the number is that of its first block in
 * the key stream. Otherwise the row is sealed by AES-GCM, and the number is the nonce.
 */

import type { KeyObject } from 'node:crypto';
import { assert, unreachable } from '../../base/assert.ts';
import { NONCE_BYTES, TAG_BYTES } from './aead.ts';
import { BLOCKS_MAX, blocksOf } from './key-stream.ts';
import type { Keyring } from './keyring.ts';
import { HEAD_BYTES, type PlacedRow, type RowCipher, SHORT_TEXT_BYTES_MAX } from './row-cipher.ts';

const LIFE_BYTES = 14;
const COUNTER_BYTES = HEAD_BYTES - LIFE_BYTES;
const WORD = 0x1_0000_0000;
const SEALS_MAX = 2 ** (8 * COUNTER_BYTES);
/** Of the two bytes of the data key. */
const IS_SHORT = 0x8000;
/** Each boot is a life; keys of more lives than this are derived again. */
const LIVES_MAX = 1024;

/** The keys of a life for rows of one kind. */
type LifeKeys =
  | { readonly type: 'short'; readonly cipher: RowCipher }
  | { readonly type: 'long'; readonly key: KeyObject }
  | { readonly type: 'unknown' };

const UNKNOWN: LifeKeys = { type: 'unknown' };

interface Life {
  /** Of the data key. */
  readonly number: number;
  readonly shortHead: Uint8Array;
  readonly longHead: Uint8Array;
  readonly cipher: RowCipher;
  readonly key: KeyObject;
}

export interface StoredRow {
  readonly stored: Uint8Array;
  readonly row: Uint8Array;
}

export class RowSeal {
  readonly #keyring: Keyring;
  #life: Life;
  /** The next block of the key stream of this life. */
  #block = 0;
  /** Long rows of this life. */
  #seals = 0;
  /** By the first bytes of a sealed row, as latin1. */
  readonly #keys = new Map<string, LifeKeys>();
  #lastHead = new Uint8Array(LIFE_BYTES);
  #lastKeys = UNKNOWN;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
    this.#life = this.#begin();
  }

  seal(stored: Uint8Array, text: Uint8Array): Uint8Array {
    if (this.#life.number !== this.#keyring.newest) this.#life = this.#begin();
    return text.length <= SHORT_TEXT_BYTES_MAX
      ? this.#sealShort(stored, text)
      : this.#sealLong(stored, text);
  }

  /** Undefined if it is not what was sealed under that stored key. */
  open(stored: Uint8Array, row: Uint8Array): Uint8Array | undefined {
    const keys = this.#keysOf(row);
    switch (keys.type) {
      case 'short':
        return keys.cipher.open(placed({ stored, row }));
      case 'long': {
        const { key } = keys;
        const nonce = new Uint8Array(NONCE_BYTES);
        nonce.set(row.subarray(LIFE_BYTES, HEAD_BYTES), NONCE_BYTES - COUNTER_BYTES);
        const sealed = row.subarray(HEAD_BYTES);
        return this.#keyring.aead.open({ key, nonce, context: stored }, sealed);
      }
      case 'unknown':
        return undefined;
      default:
        return unreachable(keys);
    }
  }

  /**
   * The beginning of each text: all of a row is verified, and one block of a short one decrypted.
   * Undefined for a row that does not open.
   */
  openFirst(rows: readonly StoredRow[]): readonly (Uint8Array | undefined)[] {
    const texts: (Uint8Array | undefined)[] = [];
    const short = new Map<RowCipher, number[]>();
    for (const [at, { stored, row }] of rows.entries()) {
      const keys = this.#keysOf(row);
      texts.push(keys.type === 'short' ? undefined : this.open(stored, row));
      if (keys.type !== 'short') continue;
      const places = short.get(keys.cipher);
      if (places === undefined) short.set(keys.cipher, [at]);
      else places.push(at);
    }
    for (const [cipher, places] of short) {
      const opened = cipher.openFirst(places.map((at) => placed(rows[at] as StoredRow)));
      for (const [nth, at] of places.entries()) texts[at] = opened[nth];
    }
    return texts;
  }

  #sealShort(stored: Uint8Array, text: Uint8Array): Uint8Array {
    const { shortHead, cipher } = this.#life;
    const first = this.#block;
    this.#block += blocksOf(text.length);
    assert(this.#block < BLOCKS_MAX, 'a life of a store has blocks for each of its short rows');
    const row = newRow(HEAD_BYTES + text.length + TAG_BYTES);
    row.set(shortHead);
    putNumber(row, first);
    cipher.seal({ stored, first, row }, text);
    return row;
  }

  #sealLong(stored: Uint8Array, text: Uint8Array): Uint8Array {
    const { longHead, key } = this.#life;
    this.#seals += 1;
    assert(this.#seals < SEALS_MAX, 'a life of a store has a nonce for each of its long rows');
    const head = new Uint8Array(HEAD_BYTES);
    head.set(longHead);
    putNumber(head, this.#seals);
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(head.subarray(LIFE_BYTES), NONCE_BYTES - COUNTER_BYTES);
    const row = this.#keyring.aead.seal({ key, nonce, context: stored }, text, HEAD_BYTES);
    row.set(head);
    return row;
  }

  #begin(): Life {
    const number = this.#keyring.newest;
    const longHead = this.#keyring.salt(LIFE_BYTES);
    new DataView(longHead.buffer).setUint16(0, number);
    const shortHead = longHead.slice();
    new DataView(shortHead.buffer).setUint16(0, number | IS_SHORT);
    this.#block = 0;
    this.#seals = 0;
    const [short, long] = [this.#derive(shortHead), this.#derive(longHead)];
    const isKnown = short.type === 'short' && long.type === 'long';
    assert(isKnown, 'the newest data key is in the keyring');
    return { number, shortHead, longHead, cipher: short.cipher, key: long.key };
  }

  /** Each purpose has a key of its own. */
  #derive(head: Uint8Array): LifeKeys {
    const word = new DataView(head.buffer, head.byteOffset).getUint16(0);
    const life = { number: word & ~IS_SHORT, salt: head.slice(2) };
    if ((word & IS_SHORT) === 0) {
      const key = this.#keyring.derive({ ...life, purpose: 'state' });
      return key === undefined ? UNKNOWN : { type: 'long', key };
    }
    const cipher = this.#keyring.derive({ ...life, purpose: 'state stream' });
    const tag = this.#keyring.derive({ ...life, purpose: 'state tag' });
    if (cipher === undefined || tag === undefined) return UNKNOWN;
    return { type: 'short', cipher: this.#keyring.rowCipher({ cipher, tag }) };
  }

  #keysOf(row: Uint8Array): LifeKeys {
    if (row.length < HEAD_BYTES + TAG_BYTES) return UNKNOWN;
    // Rows that are read one after the other are mostly of one life.
    if (!beginsWith(row, this.#lastHead)) {
      this.#lastHead = row.slice(0, LIFE_BYTES);
      const name = Buffer.from(this.#lastHead).toString('latin1');
      this.#lastKeys = this.#keys.get(name) ?? this.#learn(name, this.#lastHead);
    }
    const keys = this.#lastKeys;
    const isShort = row.length <= HEAD_BYTES + SHORT_TEXT_BYTES_MAX + TAG_BYTES;
    return keys.type === 'short' && !isShort ? UNKNOWN : keys;
  }

  #learn(name: string, head: Uint8Array): LifeKeys {
    if (this.#keys.size >= LIVES_MAX) this.#keys.clear();
    const keys = this.#derive(head);
    this.#keys.set(name, keys);
    return keys;
  }
}

function beginsWith(row: Uint8Array, head: Uint8Array): boolean {
  for (let at = 0; at < LIFE_BYTES; at++) if (row[at] !== head[at]) return false;
  return true;
}

/** Memory of Node's pool, which costs less than an array of its own; it is written completely. */
function newRow(length: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafe(length);
  return new Uint8Array(buffer, byteOffset, length);
}

function putNumber(row: Uint8Array, number: number): void {
  const upper = Math.floor(number / WORD);
  row[LIFE_BYTES] = upper >>> 8;
  row[LIFE_BYTES + 1] = upper;
  for (let at = 0; at < 4; at++) row[LIFE_BYTES + 2 + at] = number >>> (24 - 8 * at);
}

function placed({ stored, row }: StoredRow): PlacedRow {
  let first = 0;
  for (let at = LIFE_BYTES; at < HEAD_BYTES; at++) first = first * 256 + (row[at] as number);
  return { stored, first, row };
}
