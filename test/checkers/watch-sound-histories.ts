/** Good histories of watches. */

import type { Given } from './watch-history.ts';
import {
  ALL,
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
  sync,
  synced,
  type WatchCase,
  WHOLE,
  was,
} from './watch-notation.ts';

export const SOUND_WATCHES: readonly WatchCase[] = [
  { name: 'everything from the first entry on', watching: resumed(FROM_START, WHOLE) },
  {
    name: 'two shards, interleaved as they came',
    watching: resumed(FROM_START, [
      was('x begins 1'),
      ...FIRST.slice(0, 2),
      was('y begins 2'),
      ...FIRST.slice(2),
    ]),
  },
  {
    name: 'rows of two pages, and a change of the first page between them',
    watching: initial([
      row('a', 2),
      was('a ends 2'),
      row('b', 3),
      row('c', 3),
      row('d', 4),
      row('x', 1),
      row('y', 2),
      synced(6, 2),
      was('b ends 3'),
      progress(9, 2),
    ]),
  },
  {
    name: 'a change of a command whose other key is read later',
    watching: initial([
      row('a', 2),
      was('b begins 3', { isLast: true }),
      row('c', 3),
      row('x', 1),
      synced(3, 1),
      ...REST_OF_ONE,
      was('y begins 2'),
    ]),
  },
  {
    name: 'a version below that of the change before it',
    watching: resumed(at(5, 2), [was('d begins 4'), was('b ends 3')]),
  },
  { name: 'a token that is taken after each change', watching: resumed(FROM_START, withTokens()) },
  {
    name: 'keys only',
    watching: resumed(at(5, 2), [was('d begins 4', { value: undefined }), was('b ends 3')], {
      isKeysOnly: true,
    }),
  },
  {
    name: 'without the initial state',
    watching: {
      ...ALL,
      name: 'w',
      start: 'now',
      begunAt: 25,
      given: [synced(2, 2), ...WHOLE.slice(2, 7)],
    },
  },
  {
    name: 'a re-read with differences',
    watching: initial(
      [
        row('a', 1),
        synced(1, 0),
        compacted(true),
        row('b', 3),
        row('c', 3),
        gone('a', 1),
        row('x', 1),
        synced(5, 1),
        ...REST_OF_ONE.slice(1),
        was('y begins 2'),
      ],
      { begunAt: 10 },
    ),
  },
  {
    name: 'a re-read of everything',
    watching: resumed(
      at(1, 2),
      [compacted(false), row('c', 3), row('d', 4), row('x', 1), row('y', 2), synced(8, 2)],
      { begunAt: 10 },
    ),
  },
  {
    name: 'a call of sync that returns when all it waits for was yielded',
    watching: resumed(FROM_START, [...FIRST, ...WHOLE.slice(7), sync(85)]),
  },
  {
    name: 'a slow consumer that is told so',
    watching: resumed(FROM_START, [...FIRST, { type: 'lagging', at: 90 }, ...WHOLE.slice(7)]),
  },
];

function withTokens(): readonly Given[] {
  const tokens = [at(1, 0), at(2, 0), at(2, 0), at(4, 0), at(5, 0), at(6, 0), at(8, 0)];
  return WHOLE.map((event, place) => ({ ...event, token: tokens[place] ?? at(8, place - 6) }));
}
