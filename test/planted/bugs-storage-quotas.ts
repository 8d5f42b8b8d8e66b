/** Bugs of the limits of what is stored where a user may write. */

import type { Bug, Planted } from './bug.ts';

const COUNT = { file: 'src/shard/range-count.ts', tests: ['range-count'] };
const COUNTS = { file: 'src/shard/range-counts.ts', tests: ['range-count'] };
const GROWTH = { file: 'src/node/storage-growth.ts', tests: ['storage-growth'] };
const QUOTAS = { file: 'src/node/storage-quotas.ts', tests: ['storage-quotas'] };
const REPORTS = { file: 'src/node/stored-reports.ts', tests: ['stored-reports'] };
const CLIENT = { file: 'src/client/core/dispatch.ts', tests: ['storage-limits'] };

const PLANTED: readonly Planted[] = [
  {
    ...COUNT,
    name: 'walk-misses-changes',
    sentence: 'what is written into a slice while it is read is not counted',
    find: 'this.#pending.push({ ...change, key: change.key.slice() });',
    replace: '',
    isFast: true,
  },
  {
    ...COUNT,
    name: 'walk-counts-changes-twice',
    sentence: 'a change behind the rows of a slice counts now, and again with the next slice',
    find: 'if (isIn(read, change.key))',
    replace: 'if (true)',
  },
  {
    ...COUNT,
    name: 'dropped-slice-counts',
    sentence: 'the rows of a slice that was dropped are counted',
    find: 'if (slice !== this.#slice)',
    replace: 'if (false)',
  },
  {
    ...COUNTS,
    name: 'other-sections-count',
    sentence: 'rows of sessions, leases and the like are those of the user',
    find: 'section !== SECTION.values || ',
    replace: '',
    isFast: true,
  },
  {
    ...COUNTS,
    name: 'second-write-of-an-entry-adds',
    sentence: 'a key that an entry writes twice is compared with the row before the entry',
    find: 'sizes.has(name)',
    replace: 'false',
  },
  {
    file: 'src/shard/applying.ts',
    tests: ['replica-counts'],
    name: 'snapshot-keeps-counts',
    sentence: 'a replica goes on to count from the state that a snapshot has replaced',
    find: 'state.counts.restart();',
    replace: '',
  },
  {
    ...GROWTH,
    name: 'shrinking-is-refused',
    sentence: 'where too much is stored, nothing can be overwritten or deleted',
    find: 'added <= 0 || ',
    replace: '',
    isFast: true,
  },
  {
    ...GROWTH,
    name: 'overwriting-counts-whole',
    sentence: 'a value counts anew when it replaces another one',
    find: "operation.type === 'set' ? after - before : 0",
    replace: "operation.type === 'set' ? after : 0",
  },
  {
    ...REPORTS,
    name: 'older-count-replaces',
    sentence: 'the count of a follower that is behind replaces the newer one',
    find: 'index >= known.index || ',
    replace: 'true || ',
  },
  {
    ...QUOTAS,
    name: 'own-count-is-enough',
    sentence: 'what follows from the counts of other nodes is left out',
    find: '(told ?? own)',
    replace: 'own',
    tests: ['storage-peers', 'storage-quotas'],
  },
  {
    ...QUOTAS,
    name: 'burst-is-free',
    sentence: 'what was admitted since the last tick does not count',
    find: 'this.#uses.set(id, plus(known, atMost));',
    replace: 'this.#uses.set(id, known);',
    tests: ['storage-peers'],
  },
  {
    ...QUOTAS,
    name: 'quotas-of-the-disabled',
    sentence: 'limits of what is stored hold without access control',
    find: 'isEnabled ? table.storageLimited : []',
    replace: 'table.storageLimited',
  },
  {
    file: 'src/node/transaction-service.ts',
    tests: ['storage-quotas'],
    name: 'transactions-have-no-quota',
    sentence: 'a transaction stores more than the user may',
    find: 'if (excess !== undefined)',
    replace: 'if (false)',
  },
  {
    file: 'src/node/router.ts',
    tests: ['storage-quotas'],
    name: 'writes-have-no-quota',
    sentence: 'a write stores more than the user may',
    find: 'if (excess !== undefined)',
    replace: 'if (false)',
  },
  {
    ...CLIENT,
    name: 'doubtful-batch-is-divided',
    sentence: 'a batch that may have been applied is sent again under other numbers',
    find: 'request.isInDoubt ? [] : ',
    replace: '',
  },
  {
    file: 'src/catalog/access-changes.ts',
    tests: ['storage-limits'],
    name: 'quota-outlives-the-user',
    sentence: 'a new user has the storage limits of a deleted one of its name',
    find: 'const storageLimited = table.storageLimited.filter(isOther);',
    replace: 'const storageLimited = table.storageLimited;',
  },
];

export const STORAGE_QUOTA_BUGS: readonly Bug[] = PLANTED.map((bug) => ({
  ...bug,
  profiles: [],
  isFast: bug.isFast === true,
}));
