/** Each way that a single list or transaction can be wrong. */

import type { DrawnAnomaly } from './list-append-notation.ts';

export const LOCAL_HISTORIES: readonly DrawnAnomaly[] = [
  {
    sentence: 'a transaction does not see its own append',
    names: ['internal'],
    drawing: '1: [x+1 x=-]',
  },
  {
    sentence: 'an element of another stands behind an own append',
    names: ['internal'],
    drawing: '1: [x+1] [x+2 x=2,1]',
  },
  {
    sentence: 'a list loses what it had when an own append comes',
    names: ['internal'],
    drawing: '1: [x+1] [x=1 x+2 x=2]',
  },
  {
    sentence: 'a list grows within a transaction',
    names: ['internal'],
    drawing: `
      1: [x+1]
      2:   [x=- x=1]`,
  },
  {
    sentence: 'a list shrinks within a transaction',
    names: ['internal'],
    drawing: '1: [x+1] [x=1 x=-]',
  },
  {
    sentence: 'a list changes within a transaction that appended to it',
    names: ['internal'],
    drawing: `
      1: [x+1    ]
      2:   [x+2 x=2 x=1,2]`,
  },
  {
    sentence: 'a transaction reads what it has yet to append',
    names: ['internal'],
    drawing: '1: [x=1 x+1]',
  },
  {
    sentence: 'an unknown transaction that was seen contradicts itself',
    names: ['internal'],
    drawing: '1: [x+1 x=- ?] [x=1]',
  },
  {
    sentence: 'an element is in a list twice',
    names: ['duplicate-element'],
    drawing: '1: [x+1] [x=1,1]',
  },
  {
    sentence: 'an element comes again behind others',
    names: ['duplicate-element'],
    drawing: '1: [x+1] [x+2] [x=1,2] [x=1,2,1]',
  },
  {
    sentence: 'a transaction sees its own append twice',
    names: ['internal', 'duplicate-element'],
    drawing: '1: [x+1 x=1,1]',
  },
  {
    sentence: 'an unknown append took effect twice',
    names: ['duplicate-element'],
    drawing: '1: [x+1 ?] [x=1] [x+2] [x=1,2,1]',
  },
  {
    sentence: 'an element that was never appended',
    names: ['garbage-read'],
    drawing: '1: [x=7]',
  },
  {
    sentence: 'an element of another key',
    names: ['garbage-read'],
    drawing: '1: [x+1] [y=1]',
  },
  {
    sentence: 'an element that was never appended before one that was',
    names: ['garbage-read'],
    drawing: '1: [x+1] [x=7,1]',
  },
  {
    sentence: 'an unknown transaction that was seen read what was never appended',
    names: ['garbage-read'],
    drawing: '1: [x+1 y=9 ?] [x=1]',
  },
  {
    sentence: 'read of a failed append',
    names: ['G1a'],
    drawing: '1: [x+1 !] [x=1]',
  },
  {
    sentence: 'read of a failed append behind another',
    names: ['G1a'],
    drawing: '1: [x+1] [x+2 !] [x=1,2]',
  },
  {
    sentence: 'read of one of the appends of a failed transaction',
    names: ['G1a'],
    drawing: '1: [x+1 y+1 !] [x=- y=1]',
  },
  {
    sentence: 'an unknown transaction that was seen read a failed append',
    names: ['G1a'],
    drawing: '1: [x+1 !] [x=1 y+1 ?] [y=1]',
  },
  {
    sentence: 'an append stands behind a failed one',
    names: ['G1a', 'dirty-update'],
    drawing: '1: [x+1 !] [x+2] [x=1,2]',
  },
  {
    sentence: 'a transaction appends behind a failed append that it read',
    names: ['G1a', 'dirty-update'],
    drawing: '1: [x+1 !] [x=1 x+2 x=1,2]',
  },
  {
    sentence: 'a failed append is seen by one read only',
    names: ['G1a', 'incompatible-order'],
    drawing: '1: [x+1] [x+2 !] [x=1,2] [x+3] [x=1,3]',
  },
  {
    sentence: 'a read between two appends of one transaction',
    names: ['G1b'],
    drawing: `
      1: [x+1 x+2]
      2:   [x=1]
      3:             [x=1,2]`,
  },
  {
    sentence: 'a read between two appends of which the second is never read',
    names: ['G1b'],
    drawing: `
      1: [x+1 x+2]
      2:   [x=1]`,
  },
  {
    sentence: 'a read between two appends of an unknown transaction',
    names: ['G1b'],
    drawing: `
      1: [x+1 x+2 ?]
      2:              [x=1]`,
  },
  {
    sentence: 'an append between two appends of one transaction',
    names: ['G1b'],
    drawing: `
      1: [x+1 x+2     ]
      2:   [x=1 x+3 x=1,3]`,
  },
  {
    sentence: 'a read between the second and the third append of one transaction',
    names: ['G1b'],
    drawing: `
      1: [x+1 x+2 x+3] [x=1,2,3]
      2:    [x=1,2]`,
  },
  {
    sentence: 'two readers disagree on the order of two appends',
    names: ['incompatible-order'],
    drawing: `
      1: [x+1        ] [x=1,2]
      2: [x+2        ] [x=2,1]`,
  },
  {
    sentence: 'two readers disagree on which append was the first',
    names: ['incompatible-order'],
    drawing: `
      1: [x+1        ]
      2: [x+2        ]
      3:   [x=1]
      4:   [x=2]`,
  },
  {
    sentence: 'an element comes to stand before one that was there',
    names: ['incompatible-order'],
    drawing: '1: [x+1] [x=1] [x+2] [x=2,1]',
  },
  {
    sentence: 'the appends of one transaction are in the wrong order',
    names: ['incompatible-order'],
    drawing: '1: [x+1 x+2] [x=2,1]',
  },
  {
    sentence: 'an append that was seen is gone when the next one comes',
    names: ['incompatible-order'],
    drawing: '1: [x+1] [x=1] [x+2] [x=2]',
  },
  {
    sentence: 'the store split in two, and each half went on',
    names: ['incompatible-order'],
    drawing: `
      1: [x+1] [x+2] [x=1,2]
      2:       [x+3] [x=1,3]`,
  },
  {
    sentence: 'an append is not there',
    names: ['lost-append'],
    drawing: '1: [x+1] [x=-]',
  },
  {
    sentence: 'an append is not there although later ones are',
    names: ['lost-append'],
    drawing: '1: [x+1] [x+2] [x=2]',
  },
  {
    sentence: 'an append is not there, says another process',
    names: ['lost-append'],
    drawing: `
      1: [x+1]
      2:       [x=-]`,
  },
  {
    sentence: 'one of two keys of a transaction is not there',
    names: ['lost-append'],
    drawing: '1: [x+1 y+1] [x=1 y=-]',
  },
  {
    sentence: 'two appended behind the same list, and one append was lost',
    names: ['lost-append'],
    drawing: `
      1: [x=- x+1]
      2: [x=- x+2] [x=1]`,
  },
  {
    sentence: 'only the second append of a transaction is there',
    names: ['lost-append'],
    drawing: '1: [x+1 x+2] [x=2]',
  },
  {
    sentence: 'only the second append of an unknown transaction is there',
    names: ['lost-append'],
    drawing: '1: [x+1 x+2 ?] [x=2]',
  },
  {
    sentence: 'an unknown transaction that was seen did not see what had completed',
    names: ['lost-append'],
    drawing: `
      1: [x+1]
      2:       [x=- y+1 ?] [y=1]`,
  },
];
