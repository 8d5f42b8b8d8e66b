/** Saves what is sound in a data folder that cannot be opened. Nothing in it is changed. */

import { join } from 'node:path';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import { entriesBehind, type Salvaged, salvageShard } from '../shard/salvage.ts';
import type { Log } from '../storage/log/log.ts';
import { openLogCopy } from '../storage/log/log-copy.ts';
import { isLevelName, namesIn } from '../storage/state/level-check.ts';
import { readLevelRows } from '../storage/state/level-rows.ts';
import type { LevelDamage } from '../storage/state/level-table-check.ts';
import { type SalvagedShard, salvageShards, userKeyIn } from '../storage/state/state-salvage.ts';
import { DataFolder, FolderUnusable } from './data-folder.ts';

interface ShardSalvage extends Salvaged {
  readonly shard: number;
  /** The rows are those of its last checkpoint, all of them, and the log behind it was followed. */
  readonly isWhole: boolean;
}

/** A file that is not what was written, and the keys of users that it may hide values of. */
interface Place {
  readonly file: string;
  readonly text: string;
  /** Behind `from`, up to `to`; open where either is not known. */
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
}

interface FolderSalvage {
  readonly places: readonly Place[];
  /** What is wrong with the log, as far as values hang on it; empty if nothing is. */
  readonly logProblem: string;
  readonly shards: readonly ShardSalvage[];
}

/** A data folder, or a state store that was set aside, whose log goes with another one. */
export async function salvageFolder(path: string): Promise<FolderSalvage> {
  const isData = (await namesIn(path)).includes('identity');
  const state = isData ? join(path, 'state') : path;
  if (!(await namesIn(state)).some(isLevelName)) {
    throw new FolderUnusable(
      `${path} is no data folder of a node, and no state store of one. Nothing was changed. Name ` +
        'the folder that has `identity`, `log` and `state` in it, or one called `state.damaged-N`',
    );
  }
  const { rows, damages } = await readLevelRows(state);
  const log = isData ? await logOf(path) : 'a state store that was set aside has no log';
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

function salvaged(state: SalvagedShard, log: Log | undefined): ShardSalvage {
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

/** Shards that the log knows, and of which the state has nothing. */
function gone(found: readonly ShardSalvage[], log: Log): readonly ShardSalvage[] {
  const known = new Set(found.map(({ shard }) => shard));
  return log.shards
    .filter((shard) => shard !== CATALOG_SHARD && !known.has(shard))
    .map((shard) => ({ shard, rows: [], lost: [], problem: GONE, isWhole: false }));
}

const GONE =
  'its state is lost, and nothing of it was saved. The log may hold all entries: start the node, ' +
  'which replays them if it does';

/** Undefined if it has none; a text if it cannot be opened. */
function logOf(path: string): Promise<Log | string> {
  const folder = new DataFolder(path);
  const stored = folder.readIdentity();
  if (stored === undefined)
    return Promise.resolve('there is no identity file that tells whose it is');
  const { cluster, node } = stored;
  return openLogCopy(folder.log, { cluster, node });
}
