/**
 * Whether a folder of LevelDB is what was written, looked at before LevelDB opens it: opening
 * compacts, and LevelDB copies what it does not verify, or ends the process over it.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../files/system-errors.ts';
import { joined, type LogProblem, readLevelLog } from './level-log.ts';
import { type LevelVersion, logName, versionOf } from './level-manifest.ts';
import { damagesOf, type LevelDamage, type Pace } from './level-table-check.ts';

/** The files of a store of LevelDB, and nothing else that a person may have put there. */
const NAMES = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/;
const MANIFEST = /^(MANIFEST-\d+)\n$/;

interface CheckedLevel {
  readonly damages: readonly LevelDamage[];
  /** Undefined if no manifest can be read. */
  readonly version: LevelVersion | undefined;
}

const BLANK: CheckedLevel = { damages: [], version: undefined };

/** A folder without anything of LevelDB is sound: there is nothing to be damaged. */
export async function checkLevel(folder: string, pace?: Pace): Promise<CheckedLevel> {
  const names = await namesIn(folder);
  if (!names.some((name) => /^(CURRENT|MANIFEST-|\d+\.)/.test(name))) return BLANK;
  const read = await readVersion(folder, names);
  if ('file' in read) return { damages: [read], version: undefined };
  const damages = [...(await checkLogs(folder, names, read))];
  for (const table of read.tables) {
    damages.push(...(await damagesOf(folder, table, { pace })));
  }
  return { damages, version: read };
}

/** No names for no folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

export function isLevelName(name: string): boolean {
  return NAMES.test(name);
}

/** What the manifest adds up to, or what is wrong with it. */
export async function readVersion(
  folder: string,
  names: readonly string[],
): Promise<LevelVersion | LevelDamage> {
  if (!names.includes('CURRENT')) return damageOf('CURRENT', 'is missing');
  const current = await readFile(join(folder, 'CURRENT'), 'latin1');
  const name = MANIFEST.exec(current)?.[1];
  if (name === undefined) return damageOf('CURRENT', 'does not name a manifest');
  if (!names.includes(name)) return damageOf('CURRENT', `names ${name}, which is missing`);
  const { records, problem } = await readLevelLog(await readFile(join(folder, name)));
  // What a crash leaves at the end; LevelDB takes nothing else for it either.
  if (problem !== undefined && (problem.isFollowed || !problem.isShort)) {
    return damageIn(name, problem);
  }
  const version = versionOf(records.map(joined));
  if (version === undefined) return damageOf(name, 'is not what was written');
  // A log begins before the record that names it is written, and stays until another does.
  if (!names.includes(logName(version.log))) {
    return damageOf(name, `ends too early: ${logName(version.log)}, which it names, is missing`);
  }
  return version;
}

/** LevelDB leaves out a damaged batch and takes in those behind it. */
async function checkLogs(
  folder: string,
  names: readonly string[],
  version: LevelVersion,
): Promise<readonly LevelDamage[]> {
  const damages: LevelDamage[] = [];
  let unconfirmed: LevelDamage | undefined;
  for (const file of liveLogs(names, version)) {
    const { records, problem } = await readLevelLog(await readFile(join(folder, file)));
    // A later log is begun only when the last batch of this one is durable.
    if (records.length > 0 && unconfirmed !== undefined) damages.push(unconfirmed);
    if (records.length > 0) unconfirmed = undefined;
    if (problem === undefined) continue;
    const damage = damageIn(file, problem);
    if (problem.isFollowed) damages.push(damage);
    else unconfirmed = damage;
  }
  return damages;
}

/** The logs that LevelDB reads when it opens, the oldest first. */
export function liveLogs(names: readonly string[], version: LevelVersion): readonly string[] {
  const numberOf = (name: string) => Number.parseInt(name, 10);
  return names
    .filter((name) => /^\d+\.log$/.test(name))
    .filter((name) => numberOf(name) >= version.log || numberOf(name) === version.previousLog)
    .sort((one, other) => numberOf(one) - numberOf(other));
}

function damageIn(file: string, { text, offset, sum }: LogProblem): LevelDamage {
  return { ...damageOf(file, `has ${text} at byte ${offset}`), sum };
}

function damageOf(file: string, text: string): LevelDamage {
  return { file, text, keys: undefined };
}
