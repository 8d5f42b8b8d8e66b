/**
 * Seals the commands of one life of a segment. Other records name members, terms and positions, and
 * no data of a user; recovery reads them without a key.
 */

import type { KeyObject } from 'node:crypto';
import { KIND, plainKind, type RecordName } from '../log/log-record.ts';
import { type Aead, NONCE_BYTES, type Sealing, TAG_BYTES } from './aead.ts';
import type { Keyring } from './keyring.ts';

/** How much a sealed payload is longer. */
export const SEAL_BYTES = TAG_BYTES;
export const SEGMENT_SALT_BYTES = 16;

/** From the moment at which a file becomes a segment to the moment at which it is released. */
export interface SegmentLife {
  /** The number of the data key. */
  readonly key: number;
  readonly salt: Uint8Array;
}

/** The pair of a key and an offset is never used twice, because no other life has this salt. */
export function newLife(keyring: Keyring | undefined): SegmentLife | undefined {
  if (keyring === undefined) return undefined;
  return { key: keyring.newest, salt: keyring.salt(SEGMENT_SALT_BYTES) };
}

interface SealedSegment {
  readonly epoch: number;
  readonly incarnation: number;
  readonly life?: SegmentLife | undefined;
}

const WORD = 0x1_0000_0000;
const CONTEXT_BYTES = 24;

export function isSealedKind(kind: number): boolean {
  return plainKind(kind) === KIND.command;
}

export class RecordSeal {
  readonly #aead: Aead;
  readonly #key: KeyObject;
  readonly #nonce = new DataView(new ArrayBuffer(NONCE_BYTES));
  readonly #context = new DataView(new ArrayBuffer(CONTEXT_BYTES));
  readonly #sealing: Sealing;

  constructor(aead: Aead, key: KeyObject) {
    this.#aead = aead;
    this.#key = key;
    const [nonce, context] = [this.#nonce, this.#context];
    this.#sealing = {
      key: this.#key,
      nonce: new Uint8Array(nonce.buffer),
      context: new Uint8Array(context.buffer),
    };
  }

  /** The offset in the segment is the nonce: one life writes each offset once. */
  seal(name: RecordName, offset: number, payload: Uint8Array): Uint8Array {
    return this.#aead.seal(this.#sealingOf(name, offset), payload);
  }

  /** Undefined if it is not the payload of that record at that place. */
  open(name: RecordName, offset: number, sealed: Uint8Array): Uint8Array | undefined {
    return this.#aead.open(this.#sealingOf(name, offset), sealed);
  }

  #sealingOf({ kind, shard, index, term }: RecordName, offset: number): Sealing {
    this.#nonce.setUint32(NONCE_BYTES - 8, offset / WORD);
    this.#nonce.setUint32(NONCE_BYTES - 4, offset);
    const context = this.#context;
    context.setUint32(0, kind);
    context.setUint32(4, shard);
    context.setFloat64(8, index);
    context.setFloat64(16, term);
    return this.#sealing;
  }
}

/** Undefined for a plain segment, and for one whose data key is not in the keyring. */
export function sealOf(
  keyring: Keyring | undefined,
  { epoch, incarnation, life }: SealedSegment,
): RecordSeal | undefined {
  if (keyring === undefined || life === undefined) return undefined;
  const purpose = `log ${incarnation} ${epoch}`;
  const key = keyring.derive({ number: life.key, salt: life.salt, purpose });
  return key === undefined ? undefined : new RecordSeal(keyring.aead, key);
}
