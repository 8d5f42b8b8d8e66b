/** Planted bugs in what a transaction takes for unchanged: ranges, rows that came and went. */

import type { Bug, Planted } from './bug.ts';

const CHECK_READ = 'src/shard/check-read.ts';
const RANGE_CHECK = 'src/shard/range-check.ts';
const REMOVALS = 'src/shard/recent-deletes.ts';
const REMOVED_KEYS = 'src/shard/deleted-keys.ts';
const REMOVED_RANGES = 'src/shard/deleted-ranges.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [CHECK_READ]: 'range-check',
  [RANGE_CHECK]: 'range-check',
  [REMOVALS]: 'recent-deletes',
  [REMOVED_KEYS]: 'recent-deletes',
  [REMOVED_RANGES]: 'deleted-ranges',
};

const UNCHANGED: readonly Planted[] = [
  {
    name: 'a-range-that-shrank-holds',
    sentence: 'a removed key is not missed',
    file: RANGE_CHECK,
    find: 'if (this.#count < count) return this.#end(placed);',
    replace: '',
  },
  {
    name: 'a-range-that-changed-holds',
    sentence: 'the keys of a range are counted and their versions are not compared',
    file: RANGE_CHECK,
    find: 'if (!isSame || this.#count > count)',
    replace: 'if (this.#count > count)',
  },
  {
    name: 'what-came-and-went-is-not-seen',
    sentence: 'an absence counts as unchanged if the key is absent at both reads',
    file: CHECK_READ,
    find: 'if (recentDeletes?.mayHaveKey(key, time) ?? true) return 0;',
    replace: '',
    isFast: true,
  },
  {
    name: 'what-came-and-went-in-a-range-is-not-seen',
    sentence: 'a range counts as unchanged if it has as many keys at both reads',
    file: RANGE_CHECK,
    find: 'if (this.#mayHaveLost(placed)) return this.#end(placed);',
    replace: '',
  },
  {
    name: 'removals-of-a-former-life',
    sentence: 'a replica that does not know what was removed says that nothing was',
    file: REMOVALS,
    find: 'if (since < this.#floor) return true;',
    replace: '',
  },
  {
    name: 'folded-keys-are-forgotten',
    sentence: 'deletions of keys before the latest ones are not known, and not reported as unknown',
    file: REMOVALS,
    find: `for (const removal of folded)
            this.#keys.note(removal);`,
    replace: '',
    isFast: true,
  },
  {
    name: 'folded-ranges-are-forgotten',
    sentence:
      'deletions in ranges before the latest ones are not known, and not reported as unknown',
    file: REMOVALS,
    find: 'this.#ranges.note(folded, this.#floor);',
    replace: '',
  },
  {
    name: 'old-rows-came-and-went',
    sentence: 'the deletion of an old row fails every check: cleaning up ends all scans',
    file: REMOVALS,
    find: 'if (version <= since || ',
    replace: 'if (',
  },
  {
    name: 'known-for-too-short',
    sentence: 'deletions that an open transaction may depend on are forgotten',
    file: REMOVALS,
    find: 'now.time - MACHINE_LIMITS.timeoutMillisecondsMax',
    replace: 'now.time - 100',
  },
  {
    name: 'a-table-that-knows-no-age',
    sentence: 'a key counts as deleted for every check, whenever it was deleted',
    file: REMOVED_KEYS,
    find: '> since - this.#base',
    replace: '> 0',
  },
  {
    name: 'a-younger-row-counts-for-an-older-one',
    sentence: 'of two keys in one cell the last deleted one sets the age of both',
    file: REMOVED_KEYS,
    find: 'if (this.#cells[cell] < distance)',
    replace: 'if (this.#cells[cell] === 0)',
  },
  {
    name: 'versions-overflow',
    sentence: 'after 2^32 entries of a shard its table has wrong versions',
    file: REMOVED_KEYS,
    find: 'if (version - this.#base > CELL_MAX)',
    replace: 'if (false)',
  },
  {
    name: 'stretches-without-a-bound',
    sentence: 'the number of ranges is unbounded',
    file: REMOVED_RANGES,
    find: 'joined.length > SHARD_LIMITS.stretchesMax ? coarser(joined) : joined',
    replace: 'joined',
  },
  {
    name: 'wide-gaps-are-closed',
    sentence: 'removals under two prefixes count for everything between them',
    file: REMOVED_RANGES,
    find: 'other.closeness - one.closeness',
    replace: 'one.closeness - other.closeness',
  },
  {
    name: 'a-stretch-as-old-as-its-first-key',
    sentence: 'a young key in a stretch of old ones is not seen',
    file: REMOVED_RANGES,
    find: 'version: Math.max(last.version, next.version)',
    replace: 'version: last.version',
  },
];

export const UNCHANGED_BUGS: readonly Bug[] = UNCHANGED.map(({ isFast, ...bug }) => {
  return { ...bug, profiles: [], tests: [NOTICED[bug.file] ?? ''], isFast: isFast ?? false };
});
