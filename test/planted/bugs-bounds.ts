/** Planted bugs in what waits on a node: for ever, or without a bound. */

import type { Bug, Planted } from './bug.ts';

const READS: readonly Planted[] = [
  {
    name: 'granted-read-without-deadline',
    sentence: 'a granted read waits for ever for a machine that cannot apply',
    file: 'src/shard/reads.ts',
    find: 'for (const batch of this.#granted) takeLateOf(batch, now, late);',
    replace: '',
    isFast: true,
  },
  {
    name: 'granted-reads-without-bound',
    sentence: 'reads accumulate without bound before a machine that cannot apply',
    file: 'src/shard/reading.ts',
    find: `if (this.#isFull) return this.#state.fail(read.requester, 'overloaded');
      this.#reads.gather`,
    replace: 'this.#reads.gather',
  },
  {
    name: 'connection-filled-by-one-shard',
    sentence: 'one shard without answers takes all requests that a connection may have',
    file: 'src/node/clients.ts',
    find: 'return left <= ofShard;',
    replace: 'return left <= 0;',
    isFast: true,
  },
];

const CHORES = 'src/node/maintenance.ts';

const TIME: readonly Planted[] = [
  {
    name: 'log-time-lost-with-a-restart',
    sentence: 'after each restart the log time of an idle shard continues from its last entry',
    file: CHORES,
    find: 'if (replica.logTime - machine.time < patience) return;',
    replace: 'return;',
  },
  {
    name: 'log-time-stamped-for-nothing',
    sentence: 'an idle shard stamps its time though no key waits to expire, and never quiesces',
    file: CHORES,
    find: 'const isWaiting = mayWait || machine.coordination.leases.size > 0;',
    replace: 'const isWaiting = true;',
  },
];

const BUDGET: readonly Planted[] = [
  {
    name: 'log-budget-ignored',
    sentence: 'each shard keeps its own tail of the log, however many shards there are',
    file: 'src/node/log-budget.ts',
    find: 'cut(log, others, Math.min(logTailBytesMax, logKeptBytesMax));',
    replace: '',
  },
  {
    name: 'log-cut-beyond-the-state',
    sentence: 'for lack of space the log drops entries that no state on disk has',
    file: 'src/raft/truncation.ts',
    find: 'const bound = Math.min(settled, keepFrom - 1);',
    replace: 'const bound = Math.min(state.applied, log.durable, keepFrom - 1);',
  },
];

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  'src/shard/reads.ts': 'granted-reads',
  'src/shard/reading.ts': 'granted-reads',
  'src/node/clients.ts': 'client-frames',
  [CHORES]: 'time-to-live.slow',
  'src/node/log-budget.ts': 'log-budget.slow',
  'src/raft/truncation.ts': 'sending-snapshots',
};

export const BOUNDS_BUGS: readonly Bug[] = [...READS, ...TIME, ...BUDGET].map((bug) => ({
  isFast: false,
  ...bug,
  profiles: [],
  tests: [NOTICED[bug.file] ?? ''],
}));
