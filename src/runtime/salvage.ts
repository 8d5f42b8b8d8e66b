/** Recovers the intact data of a damaged data folder, without changing it. */

import { dirname, join } from 'node:path';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import { entriesBehind, type Salvaged, salvageShard } from '../shard/salvage.ts';
import { type ReadOnlyLog, readLog } from '../storage/log/read-only-log.ts';
import type { KeySource } from '../storage/sealing/key-source.ts';
import type { Keyring } from '../storage/sealing/keyring.ts';
import { openRows } from '../storage/sealing/sealed-disk.ts';
import { isLevelName, namesIn } from '../storage/state/level-check.ts';
import { keyNamed, readLevelRows } from '../storage/state/level-rows.ts';
import type { LevelDamage } from '../storage/state/level-table-check.ts';
import { type SalvagedShard, salvageShards, userKeyIn } from '../storage/state/state-salvage.ts';
import { DataFolder, FolderUnusable } from './data-folder.ts';
import { openDataKeys } from './encryption.ts';

interface ShardSalvage extends Salvaged {
  readonly shard: number;
  /** The rows are complete: the whole last checkpoint, and the log after it. */
  readonly isWhole: boolean;
}

/** A damaged file, and the range of user keys whose values it may contain. */
interface Place {
  readonly file: string;
  readonly text: string;
  /** After `from`, up to `to`; undefined if unknown. */
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
}

interface FolderSalvage {
  readonly places: readonly Place[];
  /** Damage of the log that affects values; empty if there is none. */
  readonly logProblem: string;
  readonly shards: readonly ShardSalvage[];
}

/** Salvages a data folder, or a state store that was set aside and has no log. */
export async function salvageFolder(path: string, encryption?: KeySource): Promise<FolderSalvage> {
  const isData = (await namesIn(path)).includes('identity');
  const state = isData ? join(path, 'state') : path;
  if (!(await namesIn(state)).some(isLevelName)) {
    throw new FolderUnusable(
      `${path} is neither a data folder nor a state store. Nothing was changed. Use the ` +
        'folder that contains `identity`, `log` and `state`, or one named `state.damaged-N`',
    );
  }
  const dataKeys = await openDataKeys(
    { path: isData ? path : dirname(path), isUsed: true },
    encryption,
  );
  const keyring = dataKeys?.keyring;
  const { rows: stored, damages } = await readLevelRows(state);
  const rows = keyring === undefined ? stored : openRows(stored, { keyring, keyNamed });
  const log = isData ? logOf(path, keyring) : 'a state store that was set aside has no log';
  const found = salvageShards({ rows, damages })
    .filter(({ shard }) => shard !== CATALOG_SHARD)
    .map((shard) => salvaged(shard, typeof log === 'string' ? undefined : log));
  const shards = [...found, ...(typeof log === 'string' ? [] : gone(found, log))];
  const logProblem = typeof log === 'string' ? log : '';
  return { places: damages.map(placeOf), logProblem, shards };
}

function placeOf({ file, text, keys }: LevelDamage): Place {
  return { file, text, from: userKeyIn(keys?.after), to: userKeyIn(keys?.last) };
}

function salvaged(state: SalvagedShard, log: ReadOnlyLog | undefined): ShardSalvage {
  const { shard, recorded } = state;
  const behind = log === undefined ? [] : entriesBehind(log, state);
  const entries = typeof behind === 'string' ? [] : behind;
  const found = salvageShard(state, entries);
  const missing = typeof behind === 'string' ? behind : '';
  const unknown = recorded === undefined ? 'its record is damaged, so rows may be missing' : '';
  const problem = [unknown, missing, found.problem].filter((text) => text !== '').join('; ');
  const isWhole = state.isProven && problem === '' && found.lost.length === 0;
  return { ...found, shard, problem, isWhole };
}

/** Shards in the log whose state is missing. */
function gone(found: readonly ShardSalvage[], log: ReadOnlyLog): readonly ShardSalvage[] {
  const known = new Set(found.map(({ shard }) => shard));
  return log.shards
    .filter((shard) => shard !== CATALOG_SHARD && !known.has(shard))
    .map((shard) => ({ shard, rows: [], lost: [], problem: GONE, isWhole: false }));
}

const GONE =
  'its state is lost, and nothing of it was saved. The log may hold all entries: start the node, ' +
  'which replays them if it does';

/** Undefined without a log; a text if it cannot be opened. */
function logOf(path: string, keyring: Keyring | undefined): ReadOnlyLog | string {
  const folder = new DataFolder(path);
  const stored = folder.readIdentity();
  if (stored === undefined) return 'the identity file is missing';
  const { cluster, node } = stored;
  return readLog(folder.log, { cluster, node }, keyring);
}
