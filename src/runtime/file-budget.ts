/** What a process may open, and who gets how much of it: sockets never take what the disk needs. */

import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';

export interface FileBudget {
  /** Tables of LevelDB that are open at a time. */
  readonly tablesMax: number;
  /** Connected clients. */
  readonly clientsMax: number;
  /** Sockets that have asked for nothing yet, or for health. */
  readonly plainMax: number;
  /** Sockets at a door that have not said who they are. */
  readonly visitorsMax: number;
}

/** Segments of the log, the folder's own files, standard streams, what Node needs for itself. */
const OWN_FILES = 96;
/** LevelDB takes no fewer. */
const TABLES_MIN = 74;
const TABLES_MAX = 1000;

/** An eighth of what is left for sockets stays for peers, which no client can take. */
export function budgetFor(filesMax: number): FileBudget {
  const left = Math.max(filesMax - OWN_FILES, 0);
  const tablesMax = within(TABLES_MIN, Math.floor(left / 3), TABLES_MAX);
  const eighth = Math.floor(Math.max(left - tablesMax, 0) / 8);
  const { connectionsMax, plainMax, visitorsMax } = TRANSPORT_LIMITS;
  return {
    tablesMax,
    clientsMax: within(FEWEST, 5 * eighth, connectionsMax),
    plainMax: within(FEWEST, eighth, plainMax),
    visitorsMax: within(FEWEST, eighth, visitorsMax),
  };
}

/** However little the system allows. */
const FEWEST = 4;

function within(min: number, wanted: number, max: number): number {
  return Math.min(Math.max(wanted, min), max);
}
