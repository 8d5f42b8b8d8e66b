/** Bugs of comparing replicas: what a fingerprint is of, and what follows from a difference. */

import type { Bug } from './bug.ts';

const STATE = {
  file: 'src/storage/state/shard-state.ts',
  profiles: [],
  tests: ['state-fingerprint'],
};
const CHECK = {
  file: 'src/node/consistency-check.ts',
  profiles: [],
  tests: ['consistency-check'],
};
const RULE = { isFast: true };

export const CONSISTENCY_BUGS: readonly Bug[] = [
  {
    ...STATE,
    ...RULE,
    name: 'fingerprint-keeps-replaced-rows',
    sentence: 'a fingerprint contains rows that its last writes replaced on disk',
    find: 'if (isAwaited) this.#pending?.sums.subtract(section, this.place, record);',
    replace: '',
  },
  {
    ...STATE,
    ...RULE,
    name: 'fingerprint-loses-later-rows',
    sentence: 'a fingerprint misses rows that were replaced after its entry',
    find: 'const isAwaited = memtable.awaited > 0;',
    replace: 'const isAwaited = true;',
  },
  {
    ...STATE,
    ...RULE,
    name: 'newest-settled-first',
    sentence: 'the last written rows are settled first, and taken for those of a fingerprint',
    find: 'memtable.unsettled.splice(0, STATE_LIMITS.settleKeys)',
    replace: 'memtable.unsettled.splice(-STATE_LIMITS.settleKeys)',
  },
  {
    ...STATE,
    ...RULE,
    name: 'fingerprint-of-a-damaged-state',
    sentence: 'a state whose hash is lost has a fingerprint all the same',
    find: 'this.isFingerprintAwaited || this.#isDamaged',
    replace: 'this.isFingerprintAwaited',
  },
  {
    ...CHECK,
    ...RULE,
    name: 'minority-believed',
    sentence: 'the digest that was reported first counts as that of a majority',
    find: 'votesFor(key) * 2 > voters.length',
    replace: 'votesFor(key) > 0',
  },
  {
    ...CHECK,
    ...RULE,
    name: 'majority-of-those-that-reported',
    sentence: 'two voters of five that agree count as a majority',
    find: 'votesFor(key) * 2 > voters.length',
    replace: 'votesFor(key) * 2 > reports.size',
  },
  {
    ...CHECK,
    ...RULE,
    name: 'any-verdict-believed',
    sentence: 'a replica accepts a verdict about an entry or a digest that it never reported',
    find: 'if (own === undefined || keyOf(own) !== keyOf(report)) return;',
    replace: '',
  },
  {
    ...CHECK,
    ...RULE,
    name: 'differs-and-is-not-condemned',
    sentence: 'a replica that differs forgets that at the next start',
    find: 'this.#node.store.condemn(shard);',
    replace: '',
  },
  {
    ...CHECK,
    ...RULE,
    name: 'passed-index-asked-for',
    sentence: 'while entries are in flight, replicas compare at one that some have passed',
    find: 'applied === last.index ? last.index : last.index + 1',
    replace: 'last.index',
  },
];
