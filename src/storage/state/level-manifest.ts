/** The files of a LevelDB store, as its manifest lists them. */

import { userKey } from './level-table.ts';
import { LevelReader } from './level-varint.ts';

/** Tags of the fields of a record. */
const COMPARATOR = 1;
const LOG_NUMBER = 2;
const NEXT_FILE = 3;
const LAST_SEQUENCE = 4;
const COMPACT_POINTER = 5;
const DELETED_FILE = 6;
const NEW_FILE = 7;
const PREVIOUS_LOG = 9;
const LEVELS = 7;

/** A table of which possibly only the number is known. */
export interface TableFile {
  readonly number: number;
  /** Undefined if unknown. */
  readonly size?: number;
  /** Its last key: only needed to name the keys that damage affects. */
  readonly largest?: Uint8Array;
}

interface LiveTable extends Required<TableFile> {
  readonly level: number;
}

export interface LevelVersion {
  readonly tables: readonly TableFile[];
  /** Logs from this number on have rows that no table has; so has the previous log, if not 0. */
  readonly log: number;
  readonly previousLog: number;
}

/** Undefined for records that are not of a manifest. */
export function versionOf(records: readonly Uint8Array[]): LevelVersion | undefined {
  const tables = new Map<number, LiveTable>();
  const logs = { log: 0, previousLog: 0 };
  for (const record of records) {
    if (!takeEdit(record, tables, logs)) return undefined;
  }
  // The second record names the log: a shorter manifest has lost it.
  return logs.log === 0 ? undefined : { tables: [...tables.values()], ...logs };
}

interface Logs {
  log: number;
  previousLog: number;
}

function takeEdit(record: Uint8Array, tables: Map<number, LiveTable>, logs: Logs): boolean {
  const reader = new LevelReader(record);
  const added: LiveTable[] = [];
  while (reader.left > 0 && !reader.isBroken) {
    switch (reader.number()) {
      case COMPARATOR:
        reader.sized();
        break;
      case LOG_NUMBER:
        logs.log = reader.number();
        break;
      case PREVIOUS_LOG:
        logs.previousLog = reader.number();
        break;
      case NEXT_FILE:
      case LAST_SEQUENCE:
        reader.number();
        break;
      case COMPACT_POINTER:
        reader.number();
        reader.sized();
        break;
      case DELETED_FILE:
        reader.number();
        // A table that changes its level is deleted and added in one record.
        tables.delete(reader.number());
        break;
      case NEW_FILE:
        added.push(readTable(reader));
        break;
      default:
        return false;
    }
  }
  for (const table of added) tables.set(table.number, table);
  return !reader.isBroken && added.every(({ level }) => level < LEVELS);
}

function readTable(reader: LevelReader): LiveTable {
  const level = reader.number();
  const number = reader.number();
  const size = reader.number();
  reader.sized();
  return { number, level, size, largest: userKey(reader.sized()) };
}

export function tableNames(number: number): readonly string[] {
  const digits = `${number}`.padStart(6, '0');
  return [`${digits}.ldb`, `${digits}.sst`];
}

export function logName(number: number): string {
  return `${`${number}`.padStart(6, '0')}.log`;
}
