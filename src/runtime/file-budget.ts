/** Divides the limit of open files, so that sockets never take the files that the disk needs. */

import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';

export interface FileBudget {
  /** Open LevelDB tables. */
  readonly tablesMax: number;
  /** Connected clients. */
  readonly clientsMax: number;
  /** Sockets without a request, or with a health request. */
  readonly plainMax: number;
  /** Upgraded sockets without a complete handshake. */
  readonly visitorsMax: number;
}

/** Log segments, files of the data folder, standard streams, and files of Node itself. */
const OWN_FILES = 96;
/** The minimum that LevelDB accepts. */
const TABLES_MIN = 74;
const TABLES_MAX = 1000;

/** An eighth of the socket budget is reserved for peers. */
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

/** The minimum, even if the system allows less. */
const FEWEST = 4;

function within(min: number, wanted: number, max: number): number {
  return Math.min(Math.max(wanted, min), max);
}
