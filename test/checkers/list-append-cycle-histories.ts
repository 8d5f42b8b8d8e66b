/** Each way in which lists can show that a transaction came before itself. */

import type { DrawnAnomaly } from './list-append-notation.ts';

export const CYCLE_HISTORIES: readonly DrawnAnomaly[] = [
  {
    sentence: 'two transactions appended to two keys in opposite orders',
    names: ['G0'],
    drawing: `
      1: [x+1 y+1    ] [x=1,2 y=2,1]
      2: [x+2 y+2    ]`,
  },
  {
    sentence: 'an append stands between two of one transaction',
    names: ['G0'],
    drawing: `
      1: [x+1 x+2  ] [x=1,3,2]
      2: [x+3      ]`,
  },
  {
    sentence: 'an append stands behind the first of two of one transaction',
    names: ['G0'],
    drawing: `
      1: [x+1 x+2 ?]
      2:             [x+3] [x=1,3]`,
  },
  {
    sentence: 'three transactions appended to three keys in a circle',
    names: ['G0'],
    drawing: `
      1: [x+1 z+1    ] [x=1,2 y=2,3 z=3,1]
      2: [x+2 y+2    ]
      3: [y+3 z+3    ]`,
  },
  {
    sentence: 'of two transactions each is the only one in one of two lists',
    names: ['G0'],
    drawing: `
      1: [x+1 y+1    ]
      2: [x+2 y+2    ]
      3:   [x=1]
      4:   [y=2]`,
  },
  {
    sentence: 'two unknown transactions appended to two keys in opposite orders',
    names: ['G0'],
    drawing: `
      1: [x+1 y+1 ?] [x=1,2 y=2,1]
      2: [x+2 y+2 ?]`,
  },
  {
    sentence: 'two transactions read the appends of each other',
    names: ['G1c'],
    drawing: `
      1: [x+1 y=1]
      2: [y+1 x=1]`,
  },
  {
    sentence: 'three transactions read the appends of the next',
    names: ['G1c'],
    drawing: `
      1: [x+1 y=1]
      2: [y+1 z=1]
      3: [z+1 x=1]`,
  },
  {
    sentence: 'a transaction reads what one that stands behind it appended',
    names: ['G1c'],
    drawing: `
      1: [x+1 y=1   ] [x=1,2]
      2: [x+2 y+1   ]`,
  },
  {
    sentence: 'a transaction reads from an unknown one that read from it',
    names: ['G1c'],
    drawing: `
      1: [x+1 y=1]
      2: [y+1 x=1 ?]`,
  },
  {
    sentence: 'an element stands before the one that its transaction read',
    names: ['G1c'],
    drawing: `
      1: [x+1 y=1      ]
      2: [y+1 x+2      ]
      3:                  [x=1,2]`,
  },
  {
    sentence: 'a read shows one of two keys of a transaction',
    names: ['G-single'],
    drawing: `
      1: [x+1 y+1     ]
      2:   [x=1 y=-]`,
  },
  {
    sentence: 'a read shows one of two keys of an unknown transaction',
    names: ['G-single'],
    drawing: `
      1: [x+1 y+1 ?]
      2:             [x=1 y=-]`,
  },
  {
    sentence: 'a read shows one of two keys, and later reads show both',
    names: ['G-single'],
    drawing: `
      1: [x+1 y+1     ] [x=1 y=1]
      2:   [x=- y=1]`,
  },
  {
    sentence: 'two appended behind the same list, and both are there',
    names: ['G-single'],
    drawing: `
      1: [x=- x+1] [x=1,2]
      2: [x=- x+2]`,
  },
  {
    sentence: 'two appended behind the same list, and one is not read yet',
    names: ['G-single'],
    drawing: `
      1: [x=- x+1    ]
      2: [x=- x+2    ]
      3:   [x=1]`,
  },
  {
    sentence: 'an append stands behind more than its transaction read',
    names: ['G-single'],
    drawing: `
      1: [x+1] [x=1 x+2] [x=1,3,2]
      2:       [x+3    ]`,
  },
  {
    sentence: 'an append that is never read cannot stand behind what was read',
    names: ['G-single'],
    drawing: `
      1: [x+1] [x=1 x+2     ]
      2:       [x+3]
      3:          [x=1,3]`,
  },
  {
    sentence: 'a read shows what a transaction saw and not what was seen with it',
    names: ['G-single'],
    drawing: `
      1: [x+1 y+1       ]
      2:    [x=1 z+1]
      3:      [z=1 y=-]`,
  },
  {
    sentence: 'a read shows an append and not an earlier one of the same process, by what it read',
    names: ['G-single'],
    drawing: `
      1: [x+1        ]
      2:   [x=1 y+1     ]
      3:     [x=- y=1]`,
  },
  {
    sentence: 'an unknown transaction that was seen saw half of another',
    names: ['G-single'],
    drawing: `
      1: [x+1 y+1         ]
      2:    [x=1 y=- z+1 ?]
      3:      [z=1]`,
  },
  {
    sentence: 'two transactions miss the appends of each other',
    names: ['G2'],
    drawing: `
      1: [x=- y+1]
      2: [y=- x+1]`,
  },
  {
    sentence: 'two transactions that read both keys append to one each',
    names: ['G2'],
    drawing: `
      1: [x=- y=- x+1] [x=1 y=1]
      2: [x=- y=- y+1]`,
  },
  {
    sentence: 'three transactions miss the append of the next',
    names: ['G2'],
    drawing: `
      1: [x=- z+1]
      2: [y=- x+1]
      3: [z=- y+1]`,
  },
  {
    sentence: 'two readers see two appends in opposite orders',
    names: ['G2'],
    drawing: `
      1: [x+1    ]
      2: [y+1    ]
      3: [x=1 y=-]
      4: [x=- y=1]`,
  },
  {
    sentence: 'two appended behind the same list, and neither was read',
    names: ['G2'],
    drawing: `
      1: [x=- x+1]
      2: [x=- x+2]`,
  },
  {
    sentence: 'only one that reads shows that two could not be in any order',
    names: ['G2'],
    drawing: `
      1: [x=- y=- x+1   ]
      2:    [y+1]
      3:      [x=- y=1]`,
  },
  {
    sentence: 'an unknown transaction that was seen missed an append that missed it',
    names: ['G2'],
    drawing: `
      1: [x=- y+1 ?] [y=1]
      2: [y=- x+1]`,
  },
  {
    sentence: 'two transactions that append to what they read miss each other elsewhere',
    names: ['G2'],
    drawing: `
      1: [x+1 y+1] [x=1 y+2]    [x=1,3 y=1,2]
      2:           [y=1 x+3]`,
  },
];
