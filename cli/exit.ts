/** The exit codes of kvctl. Scripts rely on them, so a code is never given a second meaning. */

export const EXIT = {
  ok: 0,
  /** There is no such key, or a condition did not hold. */
  no: 1,
  /** The command was not understood; nothing was asked of anybody. */
  usage: 2,
  unreachable: 3,
  /** Whoever asks may not. */
  denied: 4,
  /** The cluster said no; nothing was applied. */
  refused: 5,
  /** It took too long; nothing was applied. */
  timeout: 6,
  /** It may have been applied, or not. */
  unknown: 7,
  /** `status` alone: a part of the cluster, or all of it, does not serve. */
  unavailable: 8,
  /** `status` alone: the nodes belong to different clusters. */
  split: 9,
  /** `start` alone: the cluster refuses the data folder for good, so another start does no good. */
  expelled: 10,
  /** `start` alone: the disk, or a limit of the system, ended the node. It may be started again. */
  storage: 11,
  /** `start` alone: a fault of the program ended the node. It may be started again. */
  fault: 12,
} as const;

export type Exit = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly string[] = [
  'done',
  'no such key, or a condition did not hold (status: degraded)',
  'the command was not understood',
  'no node could be reached',
  'not allowed',
  'refused, and nothing was applied',
  'it took too long, and nothing was applied',
  'it is not known whether it was applied',
  'status: unavailable, a part of the cluster or all of it does not serve',
  'status: split, the nodes belong to different clusters',
  'start: the cluster refuses this data folder for good; do not start it again as it is',
  'start: the disk, or a limit of the system, ended the node; mend it, or just start it again',
  'start: a fault of the program ended the node; start it again, and report it',
];

/** A code of another kvctl, with what it means. */
export function exitText(code: number): string {
  const meaning = EXIT_MEANINGS[code];
  return meaning === undefined ? `exit code ${code}` : `exit code ${code}: ${meaning}`;
}
