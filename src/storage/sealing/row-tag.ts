/**
 * The tag of a short row: HMAC-SHA-256 (RFC 2104), of which 128 bits are kept (RFC 4868), over the
 * stored key, the head of the row and the ciphertext. Two one-shot hashes cost half as much as an
 * object for an HMAC.
 */

import * as openssl from 'node:crypto';
import { ROW_LIMITS } from '../../base/limits.ts';
import { PREFIX_BYTES } from '../state/state-key.ts';
import { TAG_BYTES } from './aead.ts';

const PAD_BYTES = 64;
const [INNER_PAD, OUTER_PAD] = [0x36, 0x5c] as const;
const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;
const ALGORITHM = 'sha256';
/** A short row is no longer. */
export const ROW_BYTES_AT_ONCE = 1280;
const KEY_BYTES_MAX = PREFIX_BYTES + ROW_LIMITS.keyBytesMax;
/** For the longest key and a short row, of whatever life. */
const SCRATCH = new Uint8Array(PAD_BYTES + LENGTH_BYTES + KEY_BYTES_MAX + ROW_BYTES_AT_ONCE);
const LENGTH = new DataView(SCRATCH.buffer, PAD_BYTES, LENGTH_BYTES);

export class RowTag {
  readonly #key: openssl.KeyObject;
  readonly #innerPad = new Uint8Array(PAD_BYTES);
  readonly #outer = new Uint8Array(PAD_BYTES + DIGEST_BYTES);

  constructor(key: openssl.KeyObject) {
    this.#key = key;
    const secret = key.export();
    for (let at = 0; at < PAD_BYTES; at++) {
      this.#innerPad[at] = (secret[at] ?? 0) ^ INNER_PAD;
      this.#outer[at] = (secret[at] ?? 0) ^ OUTER_PAD;
    }
  }

  /** Writes the tag behind the text, which has a head before the ciphertext. */
  put(stored: Uint8Array, sealed: Uint8Array): void {
    const end = sealed.length - TAG_BYTES;
    const digest = this.#digest(stored, sealed);
    for (let at = 0; at < TAG_BYTES; at++) sealed[end + at] = digest.charCodeAt(at);
  }

  /** Takes the same time wherever the tags differ. */
  fits(stored: Uint8Array, sealed: Uint8Array): boolean {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return false;
    const digest = this.#digest(stored, sealed);
    let difference = 0;
    for (let at = 0; at < TAG_BYTES; at++) {
      difference |= digest.charCodeAt(at) ^ (sealed[end + at] as number);
    }
    return difference === 0;
  }

  /** Of all but the tag. A text, a character a byte: that is returned faster than a buffer. */
  #digest(stored: Uint8Array, sealed: Uint8Array): string {
    // Where the key ends is authenticated too: no byte moves between key and text.
    LENGTH.setUint32(0, stored.length);
    const keyAt = PAD_BYTES + LENGTH_BYTES;
    const rowAt = keyAt + stored.length;
    const end = rowAt + sealed.length - TAG_BYTES;
    // A damaged store may have keys of any length.
    const isLong = rowAt + sealed.length > SCRATCH.length;
    // Some runtimes have no one-shot hash.
    if (isLong || typeof openssl.hash !== 'function') return this.#streamed(stored, sealed);
    SCRATCH.set(this.#innerPad);
    SCRATCH.set(stored, keyAt);
    SCRATCH.set(sealed, rowAt);
    const inner = openssl.hash(ALGORITHM, SCRATCH.subarray(0, end), 'binary');
    for (let at = 0; at < DIGEST_BYTES; at++) this.#outer[PAD_BYTES + at] = inner.charCodeAt(at);
    return openssl.hash(ALGORITHM, this.#outer, 'binary');
  }

  #streamed(stored: Uint8Array, sealed: Uint8Array): string {
    const text = sealed.subarray(0, sealed.length - TAG_BYTES);
    const hmac = openssl.createHmac(ALGORITHM, this.#key);
    return hmac.update(LENGTH).update(stored).update(text).digest('binary');
  }
}
