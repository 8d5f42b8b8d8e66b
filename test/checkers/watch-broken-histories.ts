/** Histories of watches with one anomaly each. */

import {
  at,
  compacted,
  FIRST,
  FROM_START,
  gone,
  initial,
  progress,
  REST_OF_ONE,
  resumed,
  row,
  spoilt,
  sync,
  synced,
  type WatchCase,
  WHOLE,
  was,
} from './watch-notation.ts';

export const BROKEN_WATCHES: readonly WatchCase[] = [
  {
    name: 'a key below the range',
    rule: 'range',
    watching: resumed(FROM_START, WHOLE, { from: 'b', to: 'z' }),
  },
  {
    name: 'the key at its upper end',
    rule: 'range',
    watching: resumed(FROM_START, WHOLE, { to: 'y' }),
  },
  {
    name: 'two changes of a key the wrong way round',
    rule: 'order',
    watching: resumed(FROM_START, [was('a begins 2'), was('a begins 1'), ...WHOLE.slice(2)]),
  },
  {
    name: 'an order by versions',
    rule: 'order',
    watching: resumed(FROM_START, [
      ...WHOLE.slice(0, 4),
      was('d begins 4'),
      was('a ends 2'),
      ...WHOLE.slice(6),
    ]),
  },
  {
    name: 'a change again after a reconnection',
    rule: 'twice',
    watching: resumed(FROM_START, [...WHOLE.slice(0, 2), was('a begins 2'), ...WHOLE.slice(2)]),
  },
  {
    name: 'a change that the row of its page already showed',
    rule: 'twice',
    watching: initial([
      row('a', 2),
      was('a begins 2'),
      row('b', 3),
      row('c', 3),
      row('x', 1),
      synced(3, 1),
      ...REST_OF_ONE,
      was('y begins 2'),
    ]),
  },
  {
    name: 'the last row of a page again',
    rule: 'twice',
    watching: initial([
      row('a', 1),
      row('a', 1),
      row('x', 1),
      synced(1, 1),
      ...FIRST.slice(1),
      was('y begins 2'),
    ]),
  },
  {
    name: 'a change that never came',
    rule: 'missing',
    watching: resumed(FROM_START, spoilt('a ends 2')),
  },
  {
    name: 'a change of the first page while the second is read',
    rule: 'missing',
    watching: initial([
      row('a', 1),
      was('a ends 2'),
      row('b', 3),
      row('c', 3),
      row('x', 1),
      synced(5, 1),
      ...REST_OF_ONE.slice(1),
      was('y begins 2'),
    ]),
  },
  {
    name: 'without the first change of a shard that was moved',
    rule: 'resume',
    watching: resumed(FROM_START, [...FIRST, was('y begins 2')], { begunAt: 0 }),
  },
  {
    name: 'a change of an aborted transaction',
    rule: 'content',
    watching: resumed(FROM_START, [...FIRST, was('d begins 4', { version: 7 }), ...WHOLE.slice(7)]),
  },
  {
    name: 'a former version that is that of the state now',
    rule: 'content',
    watching: resumed(FROM_START, spoilt('a begins 2', was('a begins 2', { previousVersion: 0 }))),
  },
  {
    name: 'the value of a later version',
    rule: 'content',
    watching: resumed(FROM_START, spoilt('a begins 1', was('a begins 1', { value: 'a2' }))),
  },
  {
    name: 'an expiry that is told as a delete',
    rule: 'content',
    watching: resumed(FROM_START, spoilt('a ends 2', was('a ends 2', { type: 'delete' }))),
  },
  {
    name: 'an expiry by the wrong cause',
    rule: 'content',
    watching: resumed(FROM_START, spoilt('a ends 2', was('a ends 2', { cause: 'lease' }))),
  },
  {
    name: 'values for a watcher of keys',
    rule: 'content',
    watching: resumed(at(5, 2), [was('d begins 4'), was('b ends 3')], { isKeysOnly: true }),
  },
  {
    name: 'a row of a version that never was',
    rule: 'content',
    watching: initial([row('a', 9), row('x', 1), synced(1, 1)], { isComplete: false }),
  },
  {
    name: 'a key that is gone and was never there',
    rule: 'content',
    watching: initial([row('a', 1), row('x', 1), synced(1, 1), compacted(true), gone('c', 3)], {
      isComplete: false,
    }),
  },
  {
    name: 'half of a command, and then another',
    rule: 'group',
    watching: resumed(FROM_START, [
      ...WHOLE.slice(0, 3),
      was('x begins 1'),
      ...WHOLE.slice(3, 7),
      was('y begins 2'),
    ]),
  },
  {
    name: 'a command whose first change is told as its last',
    rule: 'group',
    watching: resumed(FROM_START, spoilt('b begins 3', was('b begins 3', { isLast: true }))),
  },
  {
    name: 'a command whose last change lies outside the range and that stays open',
    rule: 'group',
    watching: resumed(at(2, 2), [was('b begins 3'), was('b ends 3')], { from: 'b', to: 'c' }),
  },
  {
    name: 'two commands under one name',
    rule: 'group',
    watching: resumed(FROM_START, spoilt('a begins 2', was('a begins 2', { transaction: 'g1' }))),
  },
  {
    name: 'a transaction under two names',
    rule: 'group',
    watching: resumed(FROM_START, spoilt('y begins 2', was('y begins 2', { transaction: 'U' }))),
  },
  {
    name: 'a progress mark within a command',
    rule: 'group',
    watching: resumed(FROM_START, [
      ...WHOLE.slice(0, 3),
      { type: 'progress', at: 100 },
      ...WHOLE.slice(3),
    ]),
  },
  {
    name: 'a row that no page brought',
    rule: 'synced',
    watching: initial([row('a', 2), row('b', 3), row('x', 1), synced(3, 1)], {
      isComplete: false,
    }),
  },
  {
    name: 'a key that was deleted before the page',
    rule: 'synced',
    watching: initial(
      [row('a', 2), row('b', 3), row('c', 3), row('d', 4), row('x', 1), synced(6, 1)],
      { isComplete: false },
    ),
  },
  {
    name: 'an initial state from a replica that lags behind',
    rule: 'fresh',
    watching: initial(
      [row('a', 1), row('x', 1), synced(1, 1), ...FIRST.slice(1), was('y begins 2')],
      {
        begunAt: 25,
      },
    ),
  },
  {
    name: 'an initial state without a transaction that was acknowledged and is not resolved',
    rule: 'fresh',
    watching: initial(
      [row('b', 3), row('c', 3), row('x', 1), row('y', 2), synced(5, 2), ...REST_OF_ONE.slice(1)],
      { begunAt: 70 },
    ),
  },
  {
    name: 'a resumed watch that is synced too early',
    rule: 'fresh',
    watching: resumed(at(1, 2), [synced(1, 2), ...FIRST.slice(1)], { begunAt: 35 }),
  },
  {
    name: 'a call of sync that returns early',
    rule: 'sync',
    watching: resumed(FROM_START, [...WHOLE.slice(0, 6), sync(85), ...WHOLE.slice(6)]),
  },
  {
    name: 'a call of sync that returns before the state is whole',
    rule: 'sync',
    watching: initial([row('b', 3), row('c', 3), sync(85), row('x', 1), synced(5, 1)], {
      isComplete: false,
    }),
  },
  {
    name: 'a resumed watch that skips one',
    rule: 'resume',
    watching: resumed(at(2, 2), [...WHOLE.slice(3, 7)]),
  },
  {
    name: 'a resumed watch that repeats the last one',
    rule: 'resume',
    watching: resumed(at(2, 2), [...WHOLE.slice(1, 7)]),
  },
  {
    name: 'a position that is a version',
    rule: 'resume',
    // Behind entry 3; whatever has a version up to 4 is taken for known.
    watching: resumed(at(3, 2), [was('a ends 2'), was('b ends 3')].slice(1)),
  },
  {
    name: 'a re-read that nothing called for',
    rule: 'compacted',
    watching: initial([row('a', 1), row('x', 1), synced(1, 1), compacted(true, 400)], {
      isComplete: false,
    }),
  },
  {
    name: 'a re-read of a history that was still there',
    rule: 'compacted',
    watching: resumed(at(5, 2), [was('d begins 4'), was('b ends 3'), compacted(false)], {
      isComplete: false,
    }),
  },
  {
    name: 'differences to a state that the watcher does not have',
    rule: 'compacted',
    watching: resumed(at(1, 2), [compacted(true), synced(1, 2)], { isComplete: false }),
  },
  {
    name: 'a re-read that does not tell that a key is gone',
    rule: 'synced',
    watching: initial(
      [
        row('a', 1),
        row('x', 1),
        synced(1, 1),
        compacted(true),
        row('b', 3),
        row('c', 3),
        synced(5, 1),
      ],
      { isComplete: false },
    ),
  },
  {
    name: 'a re-read that leaves out rows with a version below the token',
    rule: 'synced',
    watching: initial(
      [
        row('b', 3),
        row('c', 3),
        row('x', 1),
        synced(5, 1),
        compacted(true),
        gone('b', 3),
        synced(8, 1),
      ],
      { isComplete: false },
    ),
  },
  {
    name: 'a progress mark that overtakes a change',
    rule: 'token',
    watching: resumed(FROM_START, [...WHOLE.slice(0, 6), progress(9, 0), ...WHOLE.slice(6)]),
  },
  {
    name: 'a token behind what was received, not what was yielded',
    rule: 'token',
    watching: resumed(FROM_START, [was('a begins 1', { token: at(2, 0) }), ...WHOLE.slice(1)]),
  },
  {
    name: 'a token that forgets what was yielded',
    rule: 'token',
    watching: resumed(FROM_START, [...FIRST, progress(5, 0), ...WHOLE.slice(7)]),
  },
  {
    name: 'a token of a history that was forced anew',
    rule: 'token',
    watching: resumed(FROM_START, [...WHOLE, progress(8, 2, 2)]),
  },
  {
    name: 'a synced mark without a token',
    rule: 'token',
    watching: initial([{ type: 'synced', at: 100 }], { isComplete: false }),
  },
  {
    name: 'a watch that falls asleep',
    rule: 'silent',
    watching: resumed(FROM_START, WHOLE.slice(0, 8)),
  },
  {
    name: 'an initial read that never ends',
    rule: 'silent',
    watching: initial([row('a', 1)]),
  },
];
