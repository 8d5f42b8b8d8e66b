/**
 * The data keys of a folder, wrapped: the files `keys` and `keys.copy`. Without one of them nothing
 * in the folder can be read, so there are two.
 */

import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { count, decode, encode, list, octets, struct } from '../../base/schema.ts';
import { readSmallFile, writeSmallFile } from '../files/small-file.ts';
import { AES_GCM, KEY_BYTES, NONCE_BYTES, type Sealing, TAG_BYTES } from './aead.ts';
import type { DataKey } from './keyring.ts';

const FORMAT = 1;
const SALT_BYTES = 32;
/** The number of a data key has 15 bits in each row. */
const KEY_NUMBER_MAX = 32_767;
const KEYS_MAX = 4096;
const NAMES = ['keys', 'keys.copy'] as const;

interface WrappedKeys {
  /** Rises with each change; the greater of two copies is right. */
  readonly sequence: number;
  /** Fresh for each change, so that no wrapping repeats key and nonce. */
  readonly salt: Uint8Array;
  readonly keys: readonly { readonly number: number; readonly sealed: Uint8Array }[];
}

const WRAPPED = struct({
  format: count({ min: FORMAT, max: FORMAT }),
  sequence: count(),
  salt: octets(SALT_BYTES),
  keys: list(
    struct({
      number: count({ min: 1, max: KEY_NUMBER_MAX }),
      sealed: octets(KEY_BYTES + TAG_BYTES),
    }),
    { max: KEYS_MAX },
  ),
});

/** The key of an operator: 256 random bits, which are not kept in the folder. */
export type WrappingKey = Uint8Array;

export interface UnwrappedKeys {
  readonly sequence: number;
  /** In rising order; at least one. */
  readonly keys: readonly DataKey[];
}

/** What the folder has: nothing, files that are all damaged, or wrapped keys. */
type FoundKeys = undefined | 'damaged' | WrappedKeys;

export function readKeyFiles(folder: string): FoundKeys {
  const read = NAMES.map((name) => readSmallFile(join(folder, name)));
  const copies = read.map((bytes) => (bytes instanceof Uint8Array ? decoded(bytes) : undefined));
  let newest: WrappedKeys | undefined;
  for (const copy of copies) {
    if (copy !== undefined && copy.sequence > (newest?.sequence ?? 0)) newest = copy;
  }
  if (newest !== undefined) return newest;
  return read.every((bytes) => bytes === undefined) ? undefined : 'damaged';
}

/** Undefined for another wrapping key. */
export function unwrapKeys(found: WrappedKeys, wrapping: WrappingKey): UnwrappedKeys | undefined {
  const key = wrapperOf(wrapping, found.salt);
  const keys: DataKey[] = [];
  for (const { number, sealed } of found.keys) {
    const secret = AES_GCM.open(sealingOf(key, number), sealed);
    if (secret === undefined) return undefined;
    keys.push({ number, secret: secret.slice() });
  }
  return keys.length === 0 ? undefined : { sequence: found.sequence, keys };
}

/** Returns when both files are durable. A crash between them leaves one of each kind. */
export function writeKeyFiles(
  folder: string,
  { sequence, keys }: UnwrappedKeys,
  how: {
    readonly wrapping: WrappingKey;
    readonly randomBytes: (length: number) => Uint8Array;
  },
): void {
  const salt = how.randomBytes(SALT_BYTES);
  const key = wrapperOf(how.wrapping, salt);
  const wrapped = keys.map(({ number, secret }) => {
    return { number, sealed: AES_GCM.seal(sealingOf(key, number), secret) };
  });
  const bytes = encode(WRAPPED, { format: FORMAT, sequence, salt, keys: wrapped });
  for (const name of NAMES) writeSmallFile(join(folder, name), bytes);
}

/** The keys with a new one, for what is written from now on. */
export function withNewKey(
  { sequence, keys }: UnwrappedKeys,
  randomBytes: (length: number) => Uint8Array,
): UnwrappedKeys {
  if (keys.length >= KEYS_MAX) {
    throw new Error(
      `there are ${keys.length} data keys, and ${KEYS_MAX} at most. Nothing was changed. Replace ` +
        'the node by one with an empty folder, which gets a first key and copies its data',
    );
  }
  const number = (keys.at(-1)?.number ?? 0) + 1;
  return {
    sequence: sequence + 1,
    keys: [...keys, { number, secret: randomBytes(KEY_BYTES) }],
  };
}

export const NO_KEYS: UnwrappedKeys = { sequence: 0, keys: [] };

function decoded(bytes: Uint8Array): WrappedKeys | undefined {
  return decode(WRAPPED, bytes);
}

function wrapperOf(wrapping: WrappingKey, salt: Uint8Array): KeyObject {
  const bytes = hkdfSync('sha256', wrapping, salt, 'ringkv 1 wrap', KEY_BYTES);
  return createSecretKey(new Uint8Array(bytes));
}

function sealingOf(key: KeyObject, number: number): Sealing {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setUint32(0, number);
  return { key, nonce, context: nonce };
}
