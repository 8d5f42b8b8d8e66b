/** Each way in which a history can violate strong consistency. */

import type { DrawnHistory } from './timeline.ts';

export const BROKEN_HISTORIES: readonly DrawnHistory[] = [
  {
    sentence: 'stale read: a write that had ended is not seen',
    drawing: `
      1: [write a] [write b]
      2:                     [read a]`,
  },
  {
    sentence: 'stale read: one instant after the write ended is too late',
    drawing: `
      1: [write a] [write b]
      2:                    [read a]`,
  },
  { sentence: 'lost write: what was written is absent', drawing: '1: [write a] [read -]' },
  {
    sentence: 'lost write: a write that had ended is undone by one that had ended before it',
    drawing: `
      1: [write a]            [read a]
      2:           [write b]`,
  },
  {
    sentence: 'lost update: two swaps of one value both succeed',
    drawing: `
      1: [write a] [cas a b yes]
      2:            [cas a c yes]`,
  },
  {
    sentence: 'lost update: a swap succeeds twice',
    drawing: '1: [write a] [cas a b yes] [cas a b yes]',
  },
  {
    sentence: 'lost update: two creations of one key both succeed',
    drawing: `
      1: [cas - a yes]
      2:    [cas - b yes]`,
  },
  {
    sentence: 'a swap succeeds although its value was never there',
    drawing: '1: [write a] [cas z b yes]',
  },
  {
    sentence: 'a swap succeeds although its value was gone',
    drawing: '1: [write a] [write b] [cas a c yes]',
  },
  {
    sentence: 'a swap is refused although its value was there',
    drawing: '1: [write a] [cas a b no]',
  },
  {
    sentence: 'a swap is refused for a write that came after it',
    drawing: `
      1: [write a] [cas a b no]
      2:                         [write c] [read c]`,
  },
  {
    sentence: 'a swap is refused and yet its value is read',
    drawing: '1: [write a] [cas b c no] [read c]',
  },
  { sentence: 'read of a failed write', drawing: '1: [write a] [write b !] [read b]' },
  { sentence: 'read of a failed swap', drawing: '1: [write a] [cas a b !] [read b]' },
  { sentence: 'read of a failed append', drawing: '1: [append a] [append b !] [read a,b]' },
  { sentence: 'phantom: a value that was never written', drawing: '1: [write a] [read z]' },
  { sentence: 'phantom: an element that was never appended', drawing: '1: [append a] [read a,z]' },
  {
    sentence: 'read from the future: the write had not begun',
    drawing: `
      1:            [write a]
      2: [read a]`,
  },
  {
    sentence: 'reads of one client go back in time',
    drawing: `
      1: [write a] [write b                ]
      2:             [read b]  [read a]`,
  },
  {
    sentence: 'reads go back in time from one client to another',
    drawing: `
      1: [write a] [write b                ]
      2:             [read b]
      3:                       [read a]`,
  },
  {
    sentence: 'reads return to a value that two writes had replaced',
    drawing: `
      1: [write a                              ]
      2:   [write b                            ]
      3:     [read a]   [read b]   [read a]`,
  },
  {
    sentence: 'two readers disagree on the order of two writes',
    drawing: `
      1: [write a                      ]
      2: [write b                      ]
      3:     [read a]   [read b]
      4:     [read b]   [read a]`,
  },
  {
    sentence: 'two readers disagree on which of two writes was the last',
    drawing: `
      1: [write a  ] [read a]
      2: [write b  ] [read b]`,
  },
  {
    sentence: 'an unknown write is seen and then unseen',
    drawing: `
      1: [write a]             [read b] [read a]
      2:           [write b ?]`,
  },
  {
    sentence: 'an unknown write is seen by one client and then not by another',
    drawing: `
      1: [write a]             [read b]
      2:           [write b ?]
      3:                                [read a] [read b]`,
  },
  {
    sentence: 'an unknown write takes effect twice',
    drawing: `
      1: [write a]             [read b] [write c] [read b]
      2:           [write b ?]`,
  },
  {
    sentence: 'an unknown write is seen before it began',
    drawing: `
      1: [write a] [read b]
      2:                     [write b ?]`,
  },
  {
    sentence: 'an unknown write explains a refused swap and then was never there',
    drawing: `
      1: [write a]             [cas a b no] [read a]
      2:           [write x ?]`,
  },
  {
    sentence: 'an unknown write that had not begun cannot explain a refused swap',
    drawing: `
      1: [write a] [cas a b no]              [write c] [read c]
      2:                         [write x ?]`,
  },
  {
    sentence: 'an unknown swap takes effect although its value was never there',
    drawing: `
      1: [write a]             [read c]
      2:           [cas b c ?]`,
  },
  {
    sentence: 'two unknown swaps of one value both take effect',
    drawing: `
      1: [write a]             [read b] [read c]
      2:           [cas a b ?]
      3:           [cas a c ?]`,
  },
  {
    sentence: 'append lost: an append that had ended is not in the list',
    drawing: '1: [append a] [append b] [read a]',
  },
  {
    sentence: 'append lost: of two overlapping appends one is missing',
    drawing: `
      1: [append a]  [read b]
      2: [append b]`,
  },
  {
    sentence: 'append lost: the list forgets what it began with',
    drawing: '1: [append a] [append b] [read b]',
  },
  {
    sentence: 'append duplicated: one append is in the list twice',
    drawing: '1: [append a] [append b] [read a,b,b]',
  },
  {
    sentence: 'append duplicated: an unknown append and its retry are one element each',
    drawing: '1: [append a ?] [append b] [read a,b,a]',
  },
  {
    sentence: 'append reordered: a later append stands before an earlier one',
    drawing: '1: [append a] [append b] [read b,a]',
  },
  {
    sentence: 'append reordered: two reads disagree on the order',
    drawing: `
      1: [append a                 ]
      2: [append b                 ]
      3:        [read a,b]
      4:        [read b,a]`,
  },
  {
    sentence: 'append reordered: an unknown append moves after it was seen',
    drawing: `
      1: [append a]              [read a,b] [append c] [read a,c,b]
      2:            [append b ?]`,
  },
  {
    sentence: 'append from the future: it had not begun',
    drawing: `
      1: [append a]  [read a,b]
      2:                         [append b]`,
  },
  {
    sentence: 'two appends tell one length',
    drawing: `
      1: [append a 1]
      2:  [append b 1]`,
  },
  { sentence: 'an append tells a length that skips one', drawing: '1: [append a 1] [append b 3]' },
  { sentence: 'a deleted value comes back', drawing: '1: [write a] [write -] [read a]' },
  {
    sentence: 'a list that was deleted comes back under an append',
    drawing: '1: [append a] [write -] [append b] [read a,b]',
  },
  {
    sentence: 'one key is broken while the others are sound',
    drawing: `
      1: [x.write a] [y.write b] [x.read a]
      2: [z.write c]                        [y.read -] [z.read c]`,
  },
  {
    sentence: 'swaps in a circle each need the other to come first',
    drawing: `
      1: [cas a b yes]
      2: [cas b a yes]`,
  },
];
