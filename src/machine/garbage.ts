/** What a leader finds to tidy up, and how much of it goes into one entry. */

import { present } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { endOfDue } from './due-key.ts';
import type { EntryBody } from './entry.ts';
import { decodeFence, isForgettable } from './fences.ts';
import { SECTION } from './section.ts';
import { decodeSession } from './session.ts';

interface SweptRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Rows of a section, from the first on. */
interface SweptRange {
  readonly section: number;
  readonly from: undefined;
  /** Exclusive; undefined for all. */
  readonly to: Uint8Array | undefined;
}

/** Where to look for keys that are due at this log time: the earliest due stands first. */
export function dueRange(logTime: number): SweptRange {
  return { section: SECTION.expiries, from: undefined, to: endOfDue(logTime) };
}

/** As many of the rows of `dueRange`, from the first on, as go into one entry. */
export function expireBody(rows: readonly SweptRow[]): EntryBody | undefined {
  const dueKeys: Uint8Array[] = [];
  let bytes = 0;
  for (const { key } of rows) {
    bytes += key.length;
    if (dueKeys.length === MACHINE_LIMITS.sweepKeysMax || bytes > MACHINE_LIMITS.sweepBytesMax) {
      break;
    }
    dueKeys.push(key);
  }
  return dueKeys.length === 0 ? undefined : { type: 'expire', dueKeys };
}

/**
 * The clients among these rows of sessions whose time is over, as many as go into one entry, and
 * how many of the rows were looked at for them: at least one.
 */
export function forgetBody(rows: readonly SweptRow[], logTime: number): Forgotten {
  const clients: Uint8Array[] = [];
  let looked = 0;
  for (let left: number = MACHINE_LIMITS.sweepRowsMax; looked < rows.length && left > 0; looked++) {
    const { key, value } = rows[looked] as SweptRow;
    const { deadlineMax, slots } = present(decodeSession(value), 'a session is one');
    if (logTime <= deadlineMax) continue;
    clients.push(key);
    left -= slots + 1;
  }
  return { body: clients.length === 0 ? undefined : { type: 'forget', clients }, looked };
}

/** The names among these rows of fences whose tokens need not be kept any more. */
export function forgetFencesBody(
  rows: readonly SweptRow[],
  logTime: number,
): EntryBody | undefined {
  // The row at the empty key is their count.
  const fences = rows.filter(({ key }) => key.length > 0);
  const old = fences.filter(({ value }) => {
    return isForgettable(present(decodeFence(value), 'a fence is one'), logTime);
  });
  const names = old.slice(0, MACHINE_LIMITS.sweepKeysMax).map(({ key }) => key);
  return names.length === 0 ? undefined : { type: 'forget-fences', names };
}

interface Forgotten {
  readonly body: EntryBody | undefined;
  readonly looked: number;
}
