/** Histories that a strongly consistent object can have, however odd they look. */

import type { DrawnHistory } from './timeline.ts';

export const SOUND_HISTORIES: readonly DrawnHistory[] = [
  { sentence: 'nothing happened', drawing: '' },
  { sentence: 'what was never written is absent', drawing: '1: [read -]' },
  { sentence: 'a read returns the write before it', drawing: '1: [write a] [read a]' },
  {
    sentence: 'a read that overlaps a write returns the value before it',
    drawing: `
      1: [write a] [write b     ]
      2:              [read a]`,
  },
  {
    sentence: 'a read that overlaps a write returns its value',
    drawing: `
      1: [write a] [write b     ]
      2:              [read b]`,
  },
  {
    sentence: 'overlapping reads see an overlapping write in either order',
    drawing: `
      1: [write a] [write b        ]
      2:             [read b]
      3:               [read a]`,
  },
  {
    sentence: 'intervals that touch overlap, so the read may come first',
    drawing: `
      1: [write a] [write b]
      2:                   [read a]`,
  },
  {
    sentence: 'intervals that touch overlap, so the write may come first',
    drawing: `
      1: [write a]          [write b]
      2:             [read b]`,
  },
  {
    sentence: 'only a clever order of three writes explains what was read',
    drawing: `
      1: [write a                    ] [read a]
      2: [write b                    ]
      3: [write c                    ]
      4:       [read b]   [read c]`,
  },
  {
    sentence: 'only a clever order of swaps explains that each of them succeeded',
    drawing: `
      1:   [cas c d yes   ]
      2:  [cas b c yes      ]
      3: [cas a b yes         ]
      4: [write a               ] [read d]`,
  },
  {
    sentence: 'the older of two overlapping writes is the one that stays',
    drawing: `
      1: [write a       ]   [read a]
      2:   [write b   ]     [read a]`,
  },
  {
    sentence: 'a write of the value that is there already is still a write',
    drawing: `
      1: [write a] [write a        ] [read a]
      2:               [write b]`,
  },
  {
    sentence: 'a swap of a value for itself succeeds and changes nothing',
    drawing: `
      1: [write a] [cas a a yes] [read a]
      2:             [cas a a yes]`,
  },
  {
    sentence: 'a swap succeeds where its value was',
    drawing: '1: [write a] [cas a b yes] [read b]',
  },
  {
    sentence: 'a swap is refused where another value was',
    drawing: '1: [write a] [cas b c no] [read a]',
  },
  {
    sentence: 'of two swaps of one value one succeeds',
    drawing: `
      1: [write a] [cas a b yes]  [read b]
      2:           [cas a c no]`,
  },
  {
    sentence: 'a swap from absent creates',
    drawing: '1: [cas - a yes] [cas - b no] [read a]',
  },
  { sentence: 'what was deleted is absent', drawing: '1: [write a] [write -] [read -]' },
  {
    sentence: 'a swap can delete',
    drawing: '1: [write a] [cas a - yes] [read -]',
  },
  {
    sentence: 'an unknown write took effect at once',
    drawing: `
      1: [write a]              [read b]
      2:           [write b ?]`,
  },
  {
    sentence: 'an unknown write never took effect',
    drawing: `
      1: [write a]              [read a]
      2:           [write b ?]`,
  },
  {
    sentence: 'an unknown write took effect long after it was given up',
    drawing: `
      1: [write a]             [read a] [write c] [read c] [read b]
      2:           [write b ?]`,
  },
  {
    sentence: 'an unknown write was seen before its client went on',
    drawing: `
      1: [write a] [write b ?] [write c] [read b]`,
  },
  {
    sentence: 'two unknown writes took effect in the order opposite to their calls',
    drawing: `
      1: [write a ?]                     [read b] [read a]
      2:             [write b ?]`,
  },
  {
    sentence: 'an unknown delete took effect late',
    drawing: `
      1: [write a]             [read a]  [read -]
      2:           [write - ?]`,
  },
  {
    sentence: 'an unknown swap took effect late',
    drawing: `
      1: [write b]               [write a] [read a] [read c]
      2:           [cas a c ?]`,
  },
  {
    sentence: 'only an unknown write that was never read explains why a swap was refused',
    drawing: `
      1: [write a]             [cas a b no] [write c] [read c]
      2:           [write x ?]`,
  },
  {
    sentence: 'only an unknown append that was never read explains a length',
    drawing: `
      1: [append a 1]              [append b 3] [write c] [read c]
      2:              [append x ?]`,
  },
  {
    sentence: 'only an unknown write between two others explains why a swap was refused',
    drawing: `
      1: [write a]              [cas a b no   ] [read c]
      2:           [write x ?]    [write c ]`,
  },
  { sentence: 'a failed write was never seen', drawing: '1: [write a] [write b !] [read a]' },
  {
    sentence: 'a failed write has the value of one that succeeded',
    drawing: '1: [write a !] [write a] [read a]',
  },
  {
    sentence: 'overlapping appends take effect in either order',
    drawing: `
      1: [append a  ]  [read b,a]
      2:  [append b]`,
  },
  {
    sentence: 'reads see a list grow',
    drawing: `
      1: [append a] [append b    ] [append c] [read a,b,c]
      2:   [read -]  [read a]  [read a,b]`,
  },
  {
    sentence: 'an unknown append took effect between two others',
    drawing: `
      1: [append a]              [append c] [read a,b,c]
      2:            [append b ?]`,
  },
  {
    sentence: 'an append to what was deleted begins anew',
    drawing: '1: [append a] [write -] [append b 1] [read b]',
  },
  {
    sentence: 'an append goes on from what was written',
    drawing: '1: [append a] [write b] [append c 2] [read b,c]',
  },
  {
    sentence: 'a read without an answer says nothing',
    drawing: `
      1: [write a] [write b]
      2: [read z ?]           [read b]`,
  },
  {
    sentence: 'each key has an order of its own',
    drawing: `
      1: [x.write a] [y.read -]  [y.read b]
      2: [y.read -]    [y.write b] [x.read a]`,
  },
];
