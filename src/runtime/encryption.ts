/** Encryption at rest of a data folder: whether it is encrypted, and with which keys. */

import { secureBytes } from '../base/ambient.ts';
import {
  NO_KEYS,
  readKeyFiles,
  type UnwrappedKeys,
  unwrapKeys,
  type WrappingKey,
  withNewKey,
  writeKeyFiles,
} from '../storage/sealing/key-file.ts';
import { type KeySource, wrappingKeyFrom } from '../storage/sealing/key-source.ts';
import { Keyring } from '../storage/sealing/keyring.ts';
import { FolderUnusable } from './data-folder.ts';

interface Folder {
  readonly path: string;
  /** A node has used it. */
  readonly isUsed: boolean;
}

/**
 * Undefined for a plain folder. Refuses a folder and a configuration that do not fit, before
 * anything in the folder is read or written; the folder of a new node gets its first key.
 */
export async function openDataKeys(
  { path, isUsed }: Folder,
  source: KeySource | undefined,
): Promise<DataKeys | undefined> {
  const found = readKeyFiles(path);
  if (source === undefined) {
    if (found === undefined) return undefined;
    throw new FolderUnusable(`the folder ${path} is encrypted, and no key was given. ${GIVE_KEY}`);
  }
  if (found === undefined && isUsed) throw new FolderUnusable(plainText(path));
  const wrapping = await wrappingKeyFrom(source);
  const keys = found === undefined ? newKeys(path, wrapping) : unlock(path, wrapping);
  return new DataKeys({ path, source, keys });
}

function newKeys(path: string, wrapping: WrappingKey): UnwrappedKeys {
  const keys = withNewKey(NO_KEYS, secureBytes);
  writeKeyFiles(path, keys, { wrapping, randomBytes: secureBytes });
  return keys;
}

function unlock(path: string, wrapping: WrappingKey): UnwrappedKeys {
  const found = readKeyFiles(path);
  if (found === undefined) throw new FolderUnusable(`the folder ${path} is not encrypted`);
  if (found === 'damaged') {
    throw new FolderUnusable(
      `the files keys and keys.copy of ${path} are damaged, so its data cannot be decrypted. ` +
        'Nothing was changed. Restore a copy of one of them; without one, start with an empty ' +
        'folder: the node joins as a new one and copies its data from the other nodes',
    );
  }
  const keys = unwrapKeys(found, wrapping);
  if (keys !== undefined) return keys;
  throw new FolderUnusable(
    `the given key does not open the folder ${path}: it was encrypted with another one. ` +
      'Nothing was changed. Start with the key of this folder (its last `kvctl encryption ' +
      'rewrap`, or its first start)',
  );
}

interface DataKeysOptions {
  readonly path: string;
  readonly source: KeySource;
  readonly keys: UnwrappedKeys;
}

interface KeyNews {
  readonly added: (number: number) => void;
  readonly failed: (text: string) => void;
}

const LOOK_MILLISECONDS = 10_000;

/** The data keys of an open folder. A key that is added to it is used from then on. */
export class DataKeys {
  readonly keyring: Keyring;
  readonly #path: string;
  readonly #source: KeySource;
  /** Of the key files that were read last. */
  #sequence: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ path, source, keys }: DataKeysOptions) {
    this.keyring = new Keyring({ keys: keys.keys, randomBytes: secureBytes });
    this.#path = path;
    this.#source = source;
    this.#sequence = keys.sequence;
  }

  /** Looks at the key files from time to time. A fault affects only the next start of the node. */
  start(tell: KeyNews): void {
    this.#timer ??= setInterval(() => {
      this.look().then(
        (number) => number === undefined || tell.added(number),
        (error) => tell.failed((error as Error).message),
      );
    }, LOOK_MILLISECONDS).unref();
  }

  /** Safe to call twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Returns the number of a new data key. Fails if the key files are gone or do not open. */
  async look(): Promise<number | undefined> {
    const found = readKeyFiles(this.#path);
    if (typeof found === 'object' && found.sequence <= this.#sequence) return undefined;
    const keys = unlock(this.#path, await wrappingKeyFrom(this.#source));
    this.#sequence = keys.sequence;
    const { newest } = this.keyring;
    for (const key of keys.keys) this.keyring.add(key);
    return this.keyring.newest === newest ? undefined : this.keyring.newest;
  }
}

/** Replaces the wrapping key of a folder, whether its node runs or not. Data are not rewritten. */
export async function rewrapKeys(
  path: string,
  { from, to }: { readonly from: KeySource; readonly to: KeySource },
): Promise<number> {
  const [present, wrapping] = [await wrappingKeyFrom(from), await wrappingKeyFrom(to)];
  // Nothing is awaited from here on: a data key that is added meanwhile would be lost.
  const keys = unlock(path, present);
  const sequence = keys.sequence + 1;
  writeKeyFiles(path, { ...keys, sequence }, { wrapping, randomBytes: secureBytes });
  return keys.keys.length;
}

/** Adds a data key, which a running node begins to use within seconds. */
export async function addDataKey(path: string, source: KeySource): Promise<number> {
  const wrapping = await wrappingKeyFrom(source);
  const keys = withNewKey(unlock(path, wrapping), secureBytes);
  writeKeyFiles(path, keys, { wrapping, randomBytes: secureBytes });
  return keys.keys.length;
}

const GIVE_KEY =
  'Nothing was changed. Give its key: --encryption-key-file, --encryption-key-command or ' +
  '--encryption-key-env, or `encryption` in the configuration';

function plainText(path: string): string {
  return (
    `the folder ${path} is not encrypted (it has no file keys), and a key was given. Nothing ` +
    'was changed. A folder is encrypted from its first start on: to encrypt this node, remove ' +
    'it from its cluster and start it with an empty folder, --join and the key; or start it ' +
    'without the key. If its file keys was lost, restore it'
  );
}
