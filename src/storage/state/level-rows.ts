/** Reads all intact rows of a LevelDB store into memory, without LevelDB or any change. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { word32 } from '../files/byte-order.ts';
import { liveLogs, namesIn, readVersion } from './level-check.ts';
import { joined, readLevelLog } from './level-log.ts';
import type { LevelVersion } from './level-manifest.ts';
import { type LevelEntry, readEntries } from './level-table.ts';
import { damagesOf, type LevelDamage } from './level-table-check.ts';
import { LevelReader, word64 } from './level-varint.ts';

export interface LevelRows {
  /** By key, as latin1. Includes keys whose newer version may be in a damaged block. */
  readonly rows: ReadonlyMap<string, Uint8Array>;
  readonly damages: readonly LevelDamage[];
}

/** The operations of a batch. */
const [DELETION, VALUE] = [0, 1] as const;

export async function readLevelRows(folder: string): Promise<LevelRows> {
  const newest = new Map<string, LevelEntry>();
  const take = (entry: LevelEntry) => {
    const name = nameOf(entry.key);
    const before = newest.get(name);
    if (before === undefined || before.sequence < entry.sequence) newest.set(name, entry);
  };
  const names = await namesIn(folder);
  const read = await readVersion(folder, names);
  const damages: LevelDamage[] = 'file' in read ? [read] : [];
  const version = 'file' in read ? allOf(names) : read;
  for (const table of version.tables) {
    const onBlock = (bytes: Uint8Array) => {
      for (const entry of readEntries(bytes) ?? []) take(entry);
    };
    damages.push(...(await damagesOf(folder, table, { onBlock })));
  }
  for (const file of liveLogs(names, version)) {
    const { records, problem } = await readLevelLog(await readFile(join(folder, file)));
    for (const pieces of records) for (const entry of entriesOf(joined(pieces))) take(entry);
    if (problem === undefined) continue;
    // Later records may be older than those that the damage hides.
    const text = `has ${problem.text} at byte ${problem.offset}`;
    damages.push({ file, text, keys: undefined });
    break;
  }
  const rows = new Map<string, Uint8Array>();
  for (const [name, { value }] of newest) if (value !== undefined) rows.set(name, value);
  return { rows, damages };
}

/** Without a manifest every table counts. Obsolete tables are rarely among them. */
function allOf(names: readonly string[]): LevelVersion {
  const numbers = names.flatMap((name) => /^(\d+)\.(?:ldb|sst)$/.exec(name)?.[1] ?? []);
  const tables = numbers.map((number) => ({ number: Number(number) }));
  return { tables, log: 0, previousLog: 0 };
}

/** The versions in one record of the log, numbered consecutively. */
function entriesOf(record: Uint8Array): readonly LevelEntry[] {
  if (record.length < 12) return [];
  const first = word64(record, 0);
  const count = word32(record, 8);
  const reader = new LevelReader(record, 12);
  const entries: LevelEntry[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const kind = reader.byte();
    if (kind !== DELETION && kind !== VALUE) break;
    const key = reader.sized();
    const value = kind === VALUE ? reader.sized() : undefined;
    if (!reader.isBroken) entries.push({ key, sequence: first + at, value });
  }
  return entries;
}

export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

export function keyNamed(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(name, 'latin1'));
}
