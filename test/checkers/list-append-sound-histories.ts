/** Histories that a strictly serializable store can have, however odd they look. */

import type { DrawnTransactions } from './list-append-notation.ts';

export const SOUND_TRANSACTIONS: readonly DrawnTransactions[] = [
  {
    sentence: 'nothing happened',
    drawing: '',
  },
  {
    sentence: 'a list without appends is empty',
    drawing: '1: [x=-]',
  },
  {
    sentence: 'a read shows the append before it',
    drawing: '1: [x+1] [x=1]',
  },
  {
    sentence: 'a transaction sees its own appends',
    drawing: '1: [x+1 x=1 x+2 x=1,2]',
  },
  {
    sentence: 'a transaction sees its own appends behind those of others',
    drawing: '1: [x+1] [x=1 x+2 x=1,2 x=1,2] [x=1,2]',
  },
  {
    sentence: 'only its own transaction reads the first of two appends',
    drawing: '1: [x+1 x=1 x+2]',
  },
  {
    sentence: 'one element is appended to two keys',
    drawing: '1: [x+1 y+1] [x=1 y=1]',
  },
  {
    sentence: 'a read that overlaps an append shows it or does not',
    drawing: `
      1: [x+1        ]
      2:   [x=-]
      3:         [x=1]`,
  },
  {
    sentence: 'overlapping appends are in either order',
    drawing: `
      1: [x+1  ]
      2:  [x+2]  [x=2,1]`,
  },
  {
    sentence: 'intervals of two processes that touch overlap, so the read may come first',
    drawing: `
      1: [x+1]
      2:     [x=-]
      3:           [x=1]`,
  },
  {
    sentence: 'intervals of two processes that touch overlap, so the append may come first',
    drawing: `
      1:     [x+1]
      2: [x=1]`,
  },
  {
    sentence: 'appends that are never read are in any order',
    drawing: `
      1: [x+1] [x+2]
      2: [x+3] [x+4]`,
  },
  {
    sentence: 'appends that are never read come after the longest list',
    drawing: `
      1: [x+1] [x+2] [x+3]
      2:      [x=1]`,
  },
  {
    sentence: 'of two appends behind the same list one did not read it',
    drawing: `
      1: [x=- x+1]
      2: [x+2    ]`,
  },
  {
    sentence: 'one that read the whole list appends to it, and that is never read',
    drawing: `
      1: [x+1] [x=1 x+2]
      2:        [x=1]`,
  },
  {
    sentence: 'transactions read and append in turn',
    drawing: '1: [x=- x+1] [x=1 x+2] [x=1,2 x+3] [x=1,2,3]',
  },
  {
    sentence: 'transactions of two processes read and append in turn while they overlap',
    drawing: `
      1: [x=- x+1   ] [x=1,2 x+3   ]
      2:   [x=1 x+2   ]  [x=1,2,3]`,
  },
  {
    sentence: 'one of two transactions sees the other',
    drawing: `
      1: [x=- y+1]
      2: [y=1 x+1]`,
  },
  {
    sentence: 'two readers see two overlapping appends in one order',
    drawing: `
      1: [x+1    ]
      2: [y+1    ]
      3: [x=1 y=-]
      4: [x=1 y=1]`,
  },
  {
    sentence: 'only a clever order of four transactions explains the reads',
    drawing: `
      1: [x+1 y+1      ]
      2: [x=- y+2      ]
      3: [y=2 x+3      ]  [x=3,1 y=2,1]
      4: [x=3 y=2      ]`,
  },
  {
    sentence: 'a read over many keys',
    drawing: `
      1: [x+1 y+1] [z+1]
      2:                 [x=1 y=1 z=1 w=-]`,
  },
  {
    sentence: 'a read shows both keys of a transaction that overlaps it',
    drawing: `
      1: [x+1 y+1   ]
      2:  [x=1 y=1]
      3:  [x=- y=-]`,
  },
  {
    sentence: 'an append that overlaps everything takes effect last',
    drawing: `
      1: [x+1                        ]
      2:  [x+2] [x=2] [x+3] [x=2,3]
      3:                              [x=2,3,1]`,
  },
  {
    sentence: 'a failed append is never read',
    drawing: '1: [x+1] [x+2 !] [x=1]',
  },
  {
    sentence: 'a failed transaction may have read anything',
    drawing: '1: [x=7,7 y+1 y=- !] [y=-]',
  },
  {
    sentence: 'an unknown append took effect at once',
    drawing: '1: [x+1 ?] [x=1]',
  },
  {
    sentence: 'an unknown append never took effect',
    drawing: '1: [x+1 ?] [x=-] [x=-]',
  },
  {
    sentence: 'an unknown append took effect long after its process went on',
    drawing: '1: [x+1 ?] [x=-] [x+2] [x=2] [x=2,1]',
  },
  {
    sentence: 'an unknown append that was never seen stood behind the others',
    drawing: '1: [x+1] [x+2 ?] [x+3] [x=1,3]',
  },
  {
    sentence: 'an unknown append took effect between two others',
    drawing: '1: [x+1] [x+2 ?] [x+3] [x=1,2,3]',
  },
  {
    sentence: 'two unknown appends took effect in the order opposite to their calls',
    drawing: `
      1: [x+1 ?]
      2:         [x+2 ?] [x=2] [x=2,1]`,
  },
  {
    sentence: 'an unknown transaction took effect in both of its keys',
    drawing: `
      1: [x+1 y+1 ?]
      2:             [x=- y=-] [x=1 y=1]`,
  },
  {
    sentence: 'an unknown transaction that was never seen may have read anything',
    drawing: '1: [x=7,7 y+1 y=- ?] [y=-]',
  },
  {
    sentence: 'an unknown transaction that only reads may have read anything',
    drawing: '1: [x+1] [x=7 ?] [x=1]',
  },
  {
    sentence: 'an unknown transaction saw another, and neither took effect',
    drawing: `
      1: [x+1 ?]
      2:         [x=1 y+1 ?]
      3:                     [x=- y=-]`,
  },
  {
    sentence: 'an unknown transaction saw another, and both took effect late',
    drawing: `
      1: [x+1 ?]
      2:         [x=1 y+1 ?]
      3:                     [x=- y=-] [x=1 y=-] [x=1 y=1]`,
  },
  {
    sentence: 'a read without a known result says nothing',
    drawing: '1: [x+1] [x=? x+2] [x=1,2]',
  },
  {
    sentence: 'an unknown transaction that was seen learnt nothing',
    drawing: '1: [x+1] [x=? y=? y+1 ?] [x=1 y=1]',
  },
  {
    sentence: 'an unknown transaction that was seen and read something took effect then',
    drawing: `
      1: [x+1] [x=1 y+1 ?] [y=-]        [x=1 y=-]
      2:                           [x+2           ]  [x=1,2 y=1]`,
  },
  {
    sentence: 'two transactions miss each other, but one of them never took effect',
    drawing: `
      1: [x=- y+1 ?] [y=-]
      2: [y=- x+1] [x=1]`,
  },
];
