/** Authenticated encryption: AES-256-GCM. The result is the ciphertext, and then the tag. */

import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

const ALGORITHM = 'aes-256-gcm';

/** A key never seals twice with one nonce: two such texts reveal each other, and forge tags. */
export interface Sealing {
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  /** What the text belongs to: authenticated, and not part of the result. */
  readonly context: Uint8Array;
}

/** A port: the simulator wraps it, to see that no pair of key and nonce is used twice. */
export interface Aead {
  /** The first `headBytes` of the result are left to the caller. */
  seal(sealing: Sealing, text: Uint8Array, headBytes?: number): Uint8Array;
  /** Undefined if anything is not as it was sealed: the bytes, the context, key or nonce. */
  open(sealing: Sealing, sealed: Uint8Array): Uint8Array | undefined;
}

export const AES_GCM: Aead = {
  seal: ({ key, nonce, context }, text, headBytes = 0) => {
    const cipher = createCipheriv(ALGORITHM, key, nonce);
    cipher.setAAD(context);
    const sealed = new Uint8Array(headBytes + text.length + TAG_BYTES);
    sealed.set(cipher.update(text), headBytes);
    cipher.final();
    sealed.set(cipher.getAuthTag(), headBytes + text.length);
    return sealed;
  },
  open: ({ key, nonce, context }, sealed) => {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return undefined;
    const cipher = createDecipheriv(ALGORITHM, key, nonce);
    cipher.setAAD(context);
    cipher.setAuthTag(sealed.subarray(end));
    const text = cipher.update(sealed.subarray(0, end));
    try {
      cipher.final();
    } catch {
      return undefined;
    }
    return new Uint8Array(text.buffer, text.byteOffset, text.length);
  },
};
