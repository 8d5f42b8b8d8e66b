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
import { assert, present } from '../../base/assert.ts';
import { STATE_LIMITS } from '../limits.ts';
import { NONCE_BYTES, TAG_BYTES } from './aead.ts';
import { BLOCKS_MAX, blocksOf } from './key-stream.ts';
import type { Keyring } from './keyring.ts';
import { HEAD_BYTES, type PlacedRow, type RowCipher, SHORT_TEXT_BYTES_MAX } from './row-cipher.ts';

const LIFE_BYTES = 14;
const COUNTER_BYTES = HEAD_BYTES - LIFE_BYTES;
const WORD = 0x1_0000_0000;
const SEALS_MAX = 2 ** (8 * COUNTER_BYTES);
/** Of the first byte of a row, which is the upper one of the data key. */
const IS_SHORT = 0x80;

/** The keys of one life; those for rows of one kind are derived when the first of these is met. */
interface LifeKeys {
  /** The beginning of the long rows: of the short ones, without the bit that says so. */
  readonly head: Uint8Array;
  cipher: RowCipher | undefined;
  key: KeyObject | undefined;
}

/** The life that seals. */
interface Life {
  /** Of the data key. */
  readonly number: number;
  readonly shortHead: Uint8Array;
  readonly longHead: Uint8Array;
  readonly cipher: RowCipher;
  readonly key: KeyObject;
  /** The next block of the key stream. */
  block: number;
  /** Long rows. */
  seals: number;
}

export interface StoredRow {
  readonly stored: Uint8Array;
  readonly row: Uint8Array;
}

export class RowSeal {
  readonly #keyring: Keyring;
  #life: Life;
  /** By the head of the life, as latin1; the oldest entry first. */
  readonly #lives = new Map<string, LifeKeys>();
  /** Rows that are read one after the other are mostly of one life. */
  #last: LifeKeys | undefined;

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
    if (keys === undefined) return undefined;
    if (isShort(row)) return this.#cipherOf(keys).open(placed({ stored, row }));
    keys.key ??= this.#deriveKey(keys.head);
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(row.subarray(LIFE_BYTES, HEAD_BYTES), NONCE_BYTES - COUNTER_BYTES);
    const sealed = row.subarray(HEAD_BYTES);
    return this.#keyring.aead.open({ key: keys.key, nonce, context: stored }, sealed);
  }

  /**
   * The beginning of each text: all of a row is verified, and one block of a short one decrypted.
   * Undefined for a row that does not open.
   */
  openFirst(rows: readonly StoredRow[]): readonly (Uint8Array | undefined)[] {
    const texts: (Uint8Array | undefined)[] = [];
    const short = new Map<RowCipher, number[]>();
    for (const [at, { stored, row }] of rows.entries()) {
      const keys = isShort(row) ? this.#keysOf(row) : undefined;
      texts.push(keys === undefined ? this.open(stored, row) : undefined);
      if (keys === undefined) continue;
      const cipher = this.#cipherOf(keys);
      const places = short.get(cipher);
      if (places === undefined) short.set(cipher, [at]);
      else places.push(at);
    }
    for (const [cipher, places] of short) {
      const opened = cipher.openFirst(places.map((at) => placed(rows[at] as StoredRow)));
      for (const [nth, at] of places.entries()) texts[at] = opened[nth];
    }
    return texts;
  }

  #sealShort(stored: Uint8Array, text: Uint8Array): Uint8Array {
    const life = this.#life;
    const first = life.block;
    life.block += blocksOf(text.length);
    assert(life.block < BLOCKS_MAX, 'a life of a store has blocks for each of its short rows');
    const row = newRow(HEAD_BYTES + text.length + TAG_BYTES);
    row.set(life.shortHead);
    putNumber(row, first);
    life.cipher.seal({ stored, first, row }, text);
    return row;
  }

  #sealLong(stored: Uint8Array, text: Uint8Array): Uint8Array {
    const life = this.#life;
    life.seals += 1;
    assert(life.seals < SEALS_MAX, 'a life of a store has a nonce for each of its long rows');
    const head = new Uint8Array(HEAD_BYTES);
    head.set(life.longHead);
    putNumber(head, life.seals);
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(head.subarray(LIFE_BYTES), NONCE_BYTES - COUNTER_BYTES);
    const sealing = { key: life.key, nonce, context: stored };
    const row = this.#keyring.aead.seal(sealing, text, HEAD_BYTES);
    row.set(head);
    return row;
  }

  #begin(): Life {
    const number = this.#keyring.newest;
    const longHead = this.#keyring.salt(LIFE_BYTES);
    assert(number < IS_SHORT << 8, 'the number of a data key has 15 bits');
    new DataView(longHead.buffer).setUint16(0, number);
    const shortHead = longHead.slice();
    shortHead[0] = (shortHead[0] as number) | IS_SHORT;
    const [cipher, key] = [this.#deriveCipher(longHead), this.#deriveKey(longHead)];
    return { number, shortHead, longHead, cipher, key, block: 0, seals: 0 };
  }

  /** Undefined for what is no row, or of a data key that the keyring does not have. */
  #keysOf(row: Uint8Array): LifeKeys | undefined {
    if (row.length < HEAD_BYTES + TAG_BYTES) return undefined;
    const isLong = row.length > HEAD_BYTES + SHORT_TEXT_BYTES_MAX + TAG_BYTES;
    if (isLong && isShort(row)) return undefined;
    if (this.#last === undefined || !isOf(row, this.#last.head)) this.#last = this.#find(row);
    return this.#last;
  }

  #find(row: Uint8Array): LifeKeys | undefined {
    // A copy: LevelDB returns buffers, and a slice of one keeps all of it in memory.
    const head = Uint8Array.from(row.subarray(0, LIFE_BYTES));
    head[0] = (head[0] as number) & ~IS_SHORT;
    if (!this.#keyring.has(numberIn(head))) return undefined;
    const name = Buffer.from(head).toString('latin1');
    const known = this.#lives.get(name);
    if (known !== undefined) return known;
    if (this.#lives.size >= STATE_LIMITS.sealLivesMax) this.#forgetOldest();
    const keys = { head, cipher: undefined, key: undefined };
    this.#lives.set(name, keys);
    return keys;
  }

  #forgetOldest(): void {
    for (const name of this.#lives.keys()) {
      this.#lives.delete(name);
      return;
    }
  }

  #cipherOf(keys: LifeKeys): RowCipher {
    keys.cipher ??= this.#deriveCipher(keys.head);
    return keys.cipher;
  }

  #deriveCipher(head: Uint8Array): RowCipher {
    const [cipher, tag] = [this.#derive(head, 'state stream'), this.#derive(head, 'state tag')];
    return this.#keyring.rowCipher({ cipher, tag });
  }

  #deriveKey(head: Uint8Array): KeyObject {
    return this.#derive(head, 'state');
  }

  /** Each purpose has a key of its own. */
  #derive(head: Uint8Array, purpose: string): KeyObject {
    const salt = head.slice(2);
    const key = this.#keyring.derive({ number: numberIn(head), salt, purpose });
    return present(key, 'the data key is in the keyring');
  }
}

function isShort(row: Uint8Array): boolean {
  return ((row[0] as number) & IS_SHORT) !== 0;
}

function isOf(row: Uint8Array, head: Uint8Array): boolean {
  if (((row[0] as number) & ~IS_SHORT) !== head[0]) return false;
  for (let at = 1; at < LIFE_BYTES; at++) if (row[at] !== head[at]) return false;
  return true;
}

/** Of the data key. */
function numberIn(head: Uint8Array): number {
  return ((head[0] as number) << 8) | (head[1] as number);
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
