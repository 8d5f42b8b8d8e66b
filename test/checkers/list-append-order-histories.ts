/** Histories that are serializable, but not in an order that processes or the clock allow. */

import type { DrawnAnomaly } from './list-append-notation.ts';

export const ORDER_HISTORIES: readonly DrawnAnomaly[] = [
  {
    sentence: 'the appends of one process are in the wrong order',
    names: ['G0-process'],
    drawing: `
      1: [x+1] [x+2]
      2:            [x=2,1]`,
  },
  {
    sentence: 'the appends of one process to two keys are in the wrong order',
    names: ['G0-process'],
    drawing: `
      1: [x+1] [y+1]   [x=2,1 y=1,2]
      2: [x+2 y+2    ]`,
  },
  {
    sentence: 'a process reads what it appends later',
    names: ['G1c-process'],
    drawing: '1: [x=1] [x+1]',
  },
  {
    sentence: 'an append stands before one of the transaction that its process had read',
    names: ['G1c-process'],
    drawing: `
      1: [x+1 y+2      ]
      2:  [x=1] [y+1]
      3:                 [y=1,2]`,
  },
  {
    sentence: 'a process reads an unknown append that it makes later',
    names: ['G1c-process'],
    drawing: '1: [x=1] [x+1 ?]',
  },
  {
    sentence: 'a process does not see its own append, and later does',
    names: ['G-single-process'],
    drawing: '1: [x+1] [x=-] [x=1]',
  },
  {
    sentence: 'a process sees an append and then does not',
    names: ['G-single-process'],
    drawing: `
      1: [x+1         ]
      2:   [x=1] [x=-]`,
  },
  {
    sentence: 'a process sees an unknown append and then does not',
    names: ['G-single-process'],
    drawing: `
      1: [x+1 ?]
      2:         [x=1] [x=-]`,
  },
  {
    sentence: 'a process sees one key of an unknown transaction and then not the other',
    names: ['G-single-process'],
    drawing: `
      1: [x+1 y+1 ?]
      2:             [x=1] [y=-]`,
  },
  {
    sentence: 'a read shows the second of two transactions of one process',
    names: ['G-single-process'],
    drawing: `
      1:  [x+1] [y+1]
      2: [x=- y=1      ]`,
  },
  {
    sentence: 'a process sees an append, and who sees its next one does not',
    names: ['G-single-process'],
    drawing: `
      1: [x+1             ]
      2:  [x=1] [y+1]
      3:   [y=1 x=-      ]`,
  },
  {
    sentence: 'two processes append and then miss the append of each other',
    names: ['G2-process'],
    drawing: `
      1: [x+1] [y=-  ]
      2: [y+1] [x=-  ]
      3:               [x=1 y=1]`,
  },
  {
    sentence: 'two processes see one of two appends each, and then not the other',
    names: ['G2-process'],
    drawing: `
      1: [x+1          ]
      2: [y+1          ]
      3:   [x=1] [y=-]
      4:   [y=1] [x=-]`,
  },
  {
    sentence: 'a read does not show an append that had completed',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1]
      2:       [x=-]
      3:             [x=1]`,
  },
  {
    sentence: 'one instant after the append completed is too late',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1]
      2:      [x=-]
      3:            [x=1]`,
  },
  {
    sentence: 'a read does not show what an earlier read showed',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1           ]
      2:  [x=1]
      3:        [x=-]`,
  },
  {
    sentence: 'an unknown append is seen and then not',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1 ?]
      2:         [x=1]
      3:               [x=-]`,
  },
  {
    sentence: 'an unknown transaction is seen in one key and then not in the other',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1 y+1 ?]
      2:             [x=1]
      3:                   [y=-]`,
  },
  {
    sentence: 'an unknown transaction that was seen did not see what had completed',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1]
      2:       [x=- y+1 ?]
      3:                   [x=1 y=1]`,
  },
  {
    sentence: 'an unknown transaction that another unknown one saw is not there',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1 ?]
      2:         [x=1 y+1 ?]
      3:                     [y=1]
      4:                           [x=-]`,
  },
  {
    sentence: 'a read shows the second of two appends, of which the first had completed',
    names: ['G-single-realtime'],
    drawing: `
      1:  [x+1]
      2:        [y+1]
      3: [x=- y=1      ]`,
  },
  {
    sentence: 'an append that is never read had completed before a list was that does not end',
    names: ['G-single-realtime'],
    drawing: `
      1: [x+1]
      2:       [x+2]
      3:             [y+1]
      4:    [x=1 y=1      ]`,
  },
  {
    sentence: 'two appends are in the wrong order',
    names: ['G0-realtime'],
    drawing: `
      1: [x+1]
      2:       [x+2]
      3:             [x=2,1]`,
  },
  {
    sentence: 'an unknown append stands before one that completed before it began',
    names: ['G0-realtime'],
    drawing: `
      1: [x+1]
      2:       [x+2 ?]
      3:               [x=2,1]`,
  },
  {
    sentence: 'two transactions overlap one that stands between them in the wrong order',
    names: ['G0-realtime'],
    drawing: `
      1: [x+1]
      2:  [x+2        ]
      3:         [x+3]
      4:               [x=3,2,1]`,
  },
  {
    sentence: 'a read shows an append that had not begun',
    names: ['G1c-realtime'],
    drawing: `
      1: [x=1]
      2:       [x+1]`,
  },
  {
    sentence: 'a read shows an unknown append that had not begun',
    names: ['G1c-realtime'],
    drawing: `
      1: [x=1]
      2:       [x+1 ?]`,
  },
  {
    sentence: 'a read shows what stands behind an append that had not begun',
    names: ['G1c-realtime'],
    drawing: `
      1: [x=1,2]
      2:  [x+2      ]
      3:          [x+1]`,
  },
  {
    sentence: 'an append is missed by a later one than the one that it missed',
    names: ['G2-realtime'],
    drawing: `
      1: [y=- x+1      ]
      2:   [y+1]
      3:         [x=-]
      4:                 [x=1 y=1]`,
  },
  {
    sentence: 'two reads miss an append each, and one had completed when the other began',
    names: ['G2-realtime'],
    drawing: `
      1: [x=- z+1          ]
      2:  [y=- x+1]
      3:            [z=-]
      4:                    [x=1 z=1]`,
  },
];
