/** The exit codes of kvctl. Scripts rely on them, so the meaning of a code never changes. */

export const EXIT = {
  ok: 0,
  /** The key does not exist, or a condition was false. */
  no: 1,
  /** Invalid usage; no request was sent. */
  usage: 2,
  unreachable: 3,
  /** The caller is not authorized. */
  denied: 4,
  /** The cluster refused the request; nothing was applied. */
  refused: 5,
  /** The request timed out; nothing was applied. */
  timeout: 6,
  /** The outcome is unknown: the write may or may not have been applied. */
  unknown: 7,
  /** `status` only: some shards or all shards are unavailable. */
  unavailable: 8,
  /** `status` only: the nodes belong to different clusters. */
  split: 9,
  /** `start` only: the cluster refuses the data folder permanently; a restart cannot help. */
  expelled: 10,
  /** `start` only: the disk or a system limit ended the node. A restart is safe. */
  storage: 11,
  /** `start` only: a bug in ringkv ended the node. A restart is safe. */
  fault: 12,
} as const;

/** `lock` and `elect` only: what was owned was lost, and the command was ended for that. */
export const EXIT_LOST = 75;

export type Exit = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly string[] = [
  'done',
  'key not found, or a condition was false (status: degraded)',
  'invalid usage',
  'no node could be reached',
  'not authorized',
  'refused; nothing was applied',
  'timed out; nothing was applied',
  'outcome unknown: the write may or may not have been applied',
  'status: unavailable, some shards or all shards cannot serve',
  'status: split, the nodes belong to different clusters',
  'start: the cluster refuses this data folder permanently; do not restart',
  'start: the disk or a system limit ended the node; fix the cause, restart is safe',
  'start: a bug in ringkv ended the node; restart it and report the bug',
];

const UNREACHABLE = new Set(['unreachable', 'wrong-cluster', 'closed']);
const DENIED = new Set(['unauthenticated', 'forbidden']);
const USAGE = new Set(['invalid-argument', 'bad-cursor']);

/** The exit code for an error of the library. */
export function exitOf(code: string, outcome: string): Exit {
  if (outcome === 'unknown') return EXIT.unknown;
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  if (code === 'timeout') return EXIT.timeout;
  if (DENIED.has(code)) return EXIT.denied;
  return USAGE.has(code) ? EXIT.usage : EXIT.refused;
}

/** The exit code of a child kvctl, with its meaning. */
export function exitText(code: number): string {
  const meaning = EXIT_MEANINGS[code];
  return meaning === undefined ? `exit code ${code}` : `exit code ${code}: ${meaning}`;
}
