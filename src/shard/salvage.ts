/** Recovers the users' data of a shard from a damaged state and the log behind it. */

import { decodeBatch } from '../machine/batch.ts';
import { decodeEntry } from '../machine/entry.ts';
import { isWrite } from '../machine/operation-codec.ts';
import { decodeRow } from '../machine/row.ts';
import { SECTION } from '../machine/section.ts';
import type { LogEntry } from '../raft/message.ts';
import type { ReadOnlyLog } from '../storage/log/read-only-log.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { SalvagedShard } from '../storage/state/state-salvage.ts';
import { DataMachine } from './data-machine.ts';

/** A key of a user and what is stored under it. */
interface SalvagedRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  /** Its remaining time to live as of the last entry; 0 for no expiry. */
  readonly lifeMilliseconds: number;
}

export interface Salvaged {
  readonly rows: readonly SalvagedRow[];
  /** Users' keys whose value is unknown, and why. */
  readonly lost: readonly { readonly key: Uint8Array; readonly text: string }[];
  /** Why the log was not followed to its end; empty if it was. */
  readonly problem: string;
}

/** Entries are read in slices of this. */
const SLICE_BYTES = 1024 * 1024;

/** The log's entries behind the state, or why they do not follow it. */
export function entriesBehind(
  log: ReadOnlyLog,
  { shard, recorded }: SalvagedShard,
): LogEntry[] | string {
  const replica = log.replica(shard);
  if (recorded === undefined) return [];
  if (replica === undefined) return 'its log is damaged: the entries after its state are lost';
  const { index } = recorded.description;
  const { base, lastIndex } = replica.log;
  if (index < base.index)
    return `entries ${index + 1} to ${base.index} are missing: the log begins after them`;
  const reader = log.reader(shard);
  const entries: LogEntry[] = [];
  for (let from = index + 1; from <= lastIndex; ) {
    const read = reader.read({ from, to: lastIndex, bytesMax: SLICE_BYTES });
    if (typeof read === 'string') return `entry ${from} of its log is damaged`;
    entries.push(...read);
    from += read.length;
  }
  return entries;
}

/** Applies the entries behind the state, as far as that can be done, and collects the rows. */
export function salvageShard(state: SalvagedShard, entries: Iterable<LogEntry>): Salvaged {
  const view = { get: (section: number, key: Uint8Array) => state.get(section, key) };
  let machine: DataMachine | undefined;
  let problem = '';
  for (const entry of entries) {
    if (entry.kind !== 'command') continue;
    const { index, payload } = entry;
    try {
      machine ??= new DataMachine(view);
      const verdict = machine.apply({ index, payload });
      if (verdict === 'unknown') {
        problem = `entry ${index} of its log was written by a later version`;
        break;
      }
      state.apply(verdict.writes);
    } catch (error) {
      if (!(error instanceof StateDamage)) throw error;
      // Its memory may reflect half of the entry.
      machine = undefined;
      if (loseKeysOf(state, { index, payload })) continue;
      problem = `entry ${index} of its log depends on what is damaged`;
      break;
    }
  }
  const time = machine?.time ?? timeIn(state);
  return { rows: rowsOf(state, time), lost: lostIn(state), problem };
}

/** The keys that a client's batch touches become unknown; false if the payload is no batch. */
function loseKeysOf(
  state: SalvagedShard,
  { index, payload }: { readonly index: number; readonly payload: Uint8Array },
): boolean {
  const entry = decodeEntry(payload);
  if (typeof entry === 'string' || entry.type !== 'batch') return false;
  const batch = decodeBatch(entry.batch);
  if (batch === undefined) return false;
  const text = `entry ${index} of the log wrote it, and depends on what is damaged`;
  for (const command of batch.commands) {
    for (const operation of command) {
      if (isWrite(operation)) state.lose(SECTION.values, operation.key, text);
    }
  }
  return true;
}

function timeIn(state: SalvagedShard): number {
  try {
    return new DataMachine({ get: (section, key) => state.get(section, key) }).time;
  } catch (error) {
    if (error instanceof StateDamage) return 0;
    throw error;
  }
}

function rowsOf(state: SalvagedShard, time: number): readonly SalvagedRow[] {
  return state.rowsOf(SECTION.values).flatMap(({ key, value: bytes }) => {
    const row = decodeRow(bytes);
    if (row === undefined) return [];
    const { version, expiresAt, value } = row;
    const lifeMilliseconds = expiresAt === 0 ? 0 : Math.max(1, expiresAt - time);
    return [{ key, value, version, lifeMilliseconds }];
  });
}

function lostIn(state: SalvagedShard): Salvaged['lost'] {
  const lost = new Map<string, { readonly key: Uint8Array; readonly text: string }>();
  for (const { section, key, text } of state.doubts) {
    if (section === SECTION.values) lost.set(key.join(), { key, text });
  }
  const found = new Set(state.rowsOf(SECTION.values).map(({ key }) => key.join()));
  return [...lost].filter(([name]) => !found.has(name)).map(([, each]) => each);
}
