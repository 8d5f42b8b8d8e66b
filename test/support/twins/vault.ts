/**
 * The data keys of a simulated folder. It watches what is sealed: a pair of key and nonce is used
 * once, over all lives of the folder and its copies.
 */

import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import type { Random } from '../../../src/base/random.ts';
import { AES_GCM, type Aead, KEY_BYTES, type Sealing } from '../../../src/storage/sealing/aead.ts';
import { BLOCK_BYTES } from '../../../src/storage/sealing/key-stream.ts';
import { type DataKey, Keyring } from '../../../src/storage/sealing/keyring.ts';
import {
  type RowCipher,
  type RowKeys,
  rowCipher,
} from '../../../src/storage/sealing/row-cipher.ts';
import { sealedDisk } from '../../../src/storage/sealing/sealed-disk.ts';
import type { StateDisk } from '../../../src/storage/state/state-disk.ts';
import type { MemoryState } from './memory-state.ts';

/** Fails as soon as a nonce, or a block of a key stream, is used again. */
export class NonceLedger implements Aead {
  readonly #used = new Set<string>();
  /** By key, the end of the blocks that were used: places in a stream only rise. */
  readonly #ends = new Map<string, number>();
  readonly #names = new WeakMap<KeyObject, string>();
  seals = 0;

  seal(sealing: Sealing, text: Uint8Array, headBytes?: number): Uint8Array {
    const use = `${this.#nameOf(sealing.key)} ${Buffer.from(sealing.nonce).toString('hex')}`;
    assert.ok(!this.#used.has(use), `a key sealed twice with nonce ${use.slice(-24)}`);
    this.#used.add(use);
    this.seals += 1;
    return AES_GCM.seal(sealing, text, headBytes);
  }

  open(sealing: Sealing, sealed: Uint8Array): Uint8Array | undefined {
    return AES_GCM.open(sealing, sealed);
  }

  readonly rowCipher = (keys: RowKeys): RowCipher => {
    const inner = rowCipher(keys);
    const name = this.#nameOf(keys.cipher);
    return {
      ...inner,
      seal: (placed, text) => {
        const end = placed.first + Math.ceil(text.length / BLOCK_BYTES);
        const used = this.#ends.get(name) ?? 0;
        assert.ok(placed.first >= used, `block ${placed.first} of a key stream is used twice`);
        this.#ends.set(name, end);
        this.seals += 1;
        inner.seal(placed, text);
      },
    };
  };

  #nameOf(key: KeyObject): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = key.export().toString('hex');
      this.#names.set(key, name);
    }
    return name;
  }
}

export class Vault {
  readonly ledger = new NonceLedger();
  readonly #random: Random;
  readonly #keys: DataKey[] = [];
  #lives = 0;

  constructor(random: Random) {
    this.#random = random;
    this.addKey();
  }

  /** A later life uses it. */
  addKey(): DataKey {
    const number = this.#keys.length + 1;
    const key = { number, secret: drawn(this.#random.fork(`data key ${number}`), KEY_BYTES) };
    this.#keys.push(key);
    return key;
  }

  /** For the next life of the folder. */
  open(): Keyring {
    this.#lives += 1;
    const random = this.#random.fork(`salts ${this.#lives}`);
    const randomBytes = (length: number) => drawn(random, length);
    const { ledger } = this;
    const { rowCipher } = ledger;
    return new Keyring({ keys: this.#keys, randomBytes, aead: ledger, rowCipher });
  }
}

/** Half of the simulated folders are sealed. */
export function vaultOf(random: Random): Vault | undefined {
  return random.chance(0.5) ? new Vault(random.fork('vault')) : undefined;
}

export function openedState(state: MemoryState, keyring: Keyring | undefined): StateDisk {
  const disk = state.open();
  return keyring === undefined ? disk : sealedDisk(disk, keyring);
}

function drawn(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}
