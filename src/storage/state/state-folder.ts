/** The state store of a node as a folder: opened after verification, or set aside if damaged. */

import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../files/small-file.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { sealedDisk } from '../sealing/sealed-disk.ts';
import { openLevelState } from './level-state.ts';
import type { StateStoreDamaged } from './state.ts';
import type { StateDisk } from './state-disk.ts';
import { openRecords } from './state-opening.ts';

export interface StateFolderOptions {
  readonly folder: string;
  readonly tablesMax?: number | undefined;
  /** The owner of the store: compared with its record on disk. */
  readonly identity: Uint8Array;
  /** Rows are sealed; absent in a plain folder. */
  readonly keyring?: Keyring | undefined;
  readonly onFault: (cause: unknown) => void;
  readonly onDamage: (damage: StateStoreDamaged) => void;
}

/**
 * Throws `StateStoreDamaged` for damaged content, with nothing open and nothing changed by LevelDB,
 * except if only the store's own records are damaged; throws `StateUnusable` for a store of another
 * node.
 */
export async function openState(options: StateFolderOptions): Promise<StateDisk> {
  const level = await openLevelState(options);
  const { keyring } = options;
  const disk = keyring === undefined ? level : sealedDisk(level, keyring);
  try {
    openRecords(disk, options.identity);
    return disk;
  } catch (error) {
    await new Promise<void>((resolve) => disk.close(resolve));
    throw error;
  }
}

/**
 * Renames a damaged store, so that a blank one can take its place, and returns its new path. Keeps
 * at most `damagedStoresMax` of the earlier ones. The store must not be open.
 */
export async function setAside(folder: string): Promise<string> {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}.damaged-`;
  const numbers = (await readdir(parent))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((number) => Number.isSafeInteger(number))
    .sort((one, other) => other - one);
  const aside = join(parent, `${prefix}${(numbers[0] ?? 0) + 1}`);
  await rename(folder, aside);
  await syncFolder(parent);
  for (const number of numbers.slice(STATE_LIMITS.damagedStoresMax - 1)) {
    await rm(join(parent, `${prefix}${number}`), { recursive: true, force: true });
  }
  return aside;
}
