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
];
