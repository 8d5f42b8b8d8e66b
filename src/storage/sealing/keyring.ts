/**
 * The data keys of a node. No record or row is sealed with one: each file life of the log and each
 * life of the state store has a key of its own, derived from the newest data key and a random salt.
 */

import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { AES_GCM, type Aead, KEY_BYTES } from './aead.ts';
import { type RowCipher, type RowKeys, rowCipher } from './row-cipher.ts';

/** Numbers are counted from 1, and never reused. */
export interface DataKey {
  readonly number: number;
  readonly secret: Uint8Array;
}

/** The key of one life of a file or of a store. */
interface LifeKey {
  /** Of the data key. */
  readonly number: number;
  /** Random for each life; so no life has the key of another, whatever else is repeated. */
  readonly salt: Uint8Array;
  /** What is sealed, and where. */
  readonly purpose: string;
}

interface KeyringOptions {
  /** Rising numbers; the last one is used for what is written from now on. */
  readonly keys: readonly DataKey[];
  /** Of a secure source. */
  readonly randomBytes: (length: number) => Uint8Array;
  readonly aead?: Aead;
  readonly rowCipher?: (keys: RowKeys) => RowCipher;
}

export class Keyring {
  readonly aead: Aead;
  readonly rowCipher: (keys: RowKeys) => RowCipher;
  readonly #keys = new Map<number, Uint8Array>();
  readonly #randomBytes: (length: number) => Uint8Array;
  #newest = 0;

  constructor(options: KeyringOptions) {
    const { keys, randomBytes } = options;
    this.aead = options.aead ?? AES_GCM;
    this.rowCipher = options.rowCipher ?? rowCipher;
    this.#randomBytes = randomBytes;
    for (const key of keys) this.add(key);
    assert(this.#newest > 0, 'a keyring has a key');
  }

  /** The number of the data key for what is written from now on. */
  get newest(): number {
    return this.#newest;
  }

  has(number: number): boolean {
    return this.#keys.has(number);
  }

  /** A newer key: used from the next life of a file or store on. Known ones have no effect. */
  add({ number, secret }: DataKey): void {
    assert(secret.length === KEY_BYTES, 'a data key has 256 bits');
    if (this.#keys.has(number)) return;
    this.#keys.set(number, secret);
    this.#newest = Math.max(this.#newest, number);
  }

  salt(bytes: number): Uint8Array {
    return this.#randomBytes(bytes);
  }

  /** HKDF (RFC 5869) with SHA-256. Undefined if the data key is unknown. */
  derive({ number, salt, purpose }: LifeKey): KeyObject | undefined {
    const secret = this.#keys.get(number);
    if (secret === undefined) return undefined;
    const bytes = hkdfSync('sha256', secret, salt, `ringkv 1 ${purpose}`, KEY_BYTES);
    return createSecretKey(new Uint8Array(bytes));
  }
}
