/** Planted bugs in what is read of strangers and in what reaches a terminal. */

import type { Bug } from './bug.ts';

type Planted = Omit<Bug, 'profiles' | 'isFast'> & { readonly isFast?: boolean };

const PLANTED: readonly Planted[] = [
  {
    name: 'prototype-field-renamed',
    sentence: 'a document with a field __proto__ comes back with another name for it',
    file: 'src/wire/document.ts',
    find: "if (kind === 'usual') return",
    replace: 'return',
    tests: ['document'],
    isFast: true,
  },
  {
    name: 'any-name-is-ours',
    sentence: 'a web page whose host name points to this machine reads the metrics',
    file: 'src/transport/host-check.ts',
    find: 'return ownHosts.some((own) => own.toLowerCase() === host);',
    replace: 'return true;',
    tests: ['host-check'],
    isFast: true,
  },
  {
    name: 'cells-steer-the-terminal',
    sentence: 'a zone or a url of the map moves the cursor of the terminal that lists the nodes',
    file: 'cli/printers/table.ts',
    find: 'given.map((row) => row.map(visible))',
    replace: 'given',
    tests: ['health'],
  },
  {
    name: 'notes-steer-the-terminal',
    sentence: 'quoted text in an error reaches the terminal unescaped',
    file: 'cli/terminal.ts',
    find: '{visibleLines(text)}',
    replace: '{text}',
    tests: ['failures'],
  },
];

export const OUTPUT_BUGS: readonly Bug[] = PLANTED.map((bug) => ({
  isFast: false,
  ...bug,
  profiles: [],
}));
