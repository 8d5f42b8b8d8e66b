/**
 * Verifies a LevelDB folder before LevelDB opens it: opening compacts, and LevelDB copies blocks
 * that it does not verify, or ends the process.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../files/system-errors.ts';
import { joined, type LogProblem, readLevelLog } from './level-log.ts';
import { type LevelVersion, logName, versionOf } from './level-manifest.ts';
import { damagesOf, type LevelDamage, type Pace } from './level-table-check.ts';

/** The files of a LevelDB store, and no others. */
const NAMES = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/;
const MANIFEST = /^(MANIFEST-\d+)\n$/;

interface CheckedLevel {
  readonly damages: readonly LevelDamage[];
  /** Undefined if no manifest can be read. */
  readonly version: LevelVersion | undefined;
}

const BLANK: CheckedLevel = { damages: [], version: undefined };

/** A folder without LevelDB files is sound. */
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

/** An absent folder has no files. */
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

/** The version that the manifest describes, or what is wrong with it. */
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
  // A crash leaves a short end; LevelDB accepts it as the end too.
  if (problem !== undefined && (problem.isFollowed || !problem.isShort)) {
    return damageIn(name, problem);
  }
  const version = versionOf(records.map(joined));
  if (version === undefined) return damageOf(name, 'is damaged');
  // LevelDB creates a log before it writes the record that names it, and keeps it until another
  // record does.
  if (!names.includes(logName(version.log))) {
    return damageOf(name, `ends too early: ${logName(version.log)}, which it names, is missing`);
  }
  return version;
}

/** LevelDB itself skips a damaged batch and reads those after it. */
async function checkLogs(
  folder: string,
  names: readonly string[],
  version: LevelVersion,
): Promise<readonly LevelDamage[]> {
  const damages: LevelDamage[] = [];
  let unconfirmed: LevelDamage | undefined;
  for (const file of liveLogs(names, version)) {
    const { records, problem } = await readLevelLog(await readFile(join(folder, file)));
    // LevelDB begins a later log only when the last batch of this one is durable.
    if (records.length > 0 && unconfirmed !== undefined) damages.push(unconfirmed);
    if (records.length > 0) unconfirmed = undefined;
    if (problem === undefined) continue;
    const damage = damageIn(file, problem);
    if (problem.isFollowed) damages.push(damage);
    else unconfirmed = damage;
  }
  return damages;
}

/** The logs that LevelDB reads when it opens, oldest first. */
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
