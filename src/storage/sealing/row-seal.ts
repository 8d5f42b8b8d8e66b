/**
 * Seals the rows of one life of a state store, and opens those of any life:
 *
 *     data key (2 bytes) | salt of the life (12) | number of the seal in it (6) | text | tag
 *
 * The salt makes the key, the number is the nonce; the stored key is authenticated with the row.
 */

import type { KeyObject } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { NONCE_BYTES } from './aead.ts';
import type { Keyring } from './keyring.ts';

const LIFE_BYTES = 14;
const COUNTER_BYTES = 6;
const HEAD_BYTES = LIFE_BYTES + COUNTER_BYTES;
const WORD = 0x1_0000_0000;
const SEALS_MAX = 2 ** (8 * COUNTER_BYTES);
/** Each boot is a life; keys of more lives than this are derived again. */
const LIVES_MAX = 1024;

interface Life {
  readonly number: number;
  readonly head: Uint8Array;
  readonly key: KeyObject;
}

export class RowSeal {
  readonly #keyring: Keyring;
  #life: Life;
  #seals = 0;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #counter = new DataView(this.#nonce.buffer, NONCE_BYTES - COUNTER_BYTES);
  readonly #openNonce = new Uint8Array(NONCE_BYTES);
  /** By the first bytes of a sealed row, as latin1. */
  readonly #keys = new Map<string, KeyObject | undefined>();

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
    this.#life = this.#begin();
  }

  seal(stored: Uint8Array, text: Uint8Array): Uint8Array {
    if (this.#life.number !== this.#keyring.newest) this.#life = this.#begin();
    const { key, head } = this.#life;
    this.#seals += 1;
    assert(this.#seals < SEALS_MAX, 'a life of a store has a nonce for each of its rows');
    this.#counter.setUint16(0, this.#seals / WORD);
    this.#counter.setUint32(2, this.#seals);
    const nonce = this.#nonce;
    const sealed = this.#keyring.aead.seal({ key, nonce, context: stored }, text, HEAD_BYTES);
    sealed.set(head);
    sealed.set(nonce.subarray(NONCE_BYTES - COUNTER_BYTES), LIFE_BYTES);
    return sealed;
  }

  /** Undefined if it is not what was sealed under that stored key. */
  open(stored: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < HEAD_BYTES) return undefined;
    const key = this.#keyOf(sealed);
    if (key === undefined) return undefined;
    const nonce = this.#openNonce;
    nonce.set(sealed.subarray(LIFE_BYTES, HEAD_BYTES), NONCE_BYTES - COUNTER_BYTES);
    return this.#keyring.aead.open({ key, nonce, context: stored }, sealed.subarray(HEAD_BYTES));
  }

  #begin(): Life {
    const number = this.#keyring.newest;
    const head = this.#keyring.salt(LIFE_BYTES);
    new DataView(head.buffer).setUint16(0, number);
    this.#seals = 0;
    const key = this.#derive(head);
    assert(key !== undefined, 'the newest data key is in the keyring');
    return { number, head, key };
  }

  #derive(head: Uint8Array): KeyObject | undefined {
    const number = new DataView(head.buffer, head.byteOffset).getUint16(0);
    return this.#keyring.derive({ number, salt: head.slice(2), purpose: 'state' });
  }

  #keyOf(sealed: Uint8Array): KeyObject | undefined {
    const { buffer, byteOffset } = sealed;
    const name = Buffer.from(buffer, byteOffset, LIFE_BYTES).toString('latin1');
    const known = this.#keys.get(name);
    if (known !== undefined || this.#keys.has(name)) return known;
    if (this.#keys.size >= LIVES_MAX) this.#keys.clear();
    const key = this.#derive(sealed.slice(0, LIFE_BYTES));
    this.#keys.set(name, key);
    return key;
  }
}
