/** Verbs for keys and values. */

import { stepsText } from './step-forms.ts';
import {
  ENCODING_OPTIONS,
  type OptionSpec,
  VALUE_KINDS,
  type Verb,
  type WordSpec,
} from './verb.ts';

const KEY: WordSpec = { form: '<key>', kind: 'key', description: 'the key as text' };

const SPAN_OPTIONS: readonly OptionSpec[] = [
  { flags: '--prefix <key>', description: 'only keys with this prefix' },
  { flags: '--from <key>', description: 'first key (inclusive)' },
  { flags: '--to <key>', description: 'end key (exclusive)' },
];

const STORED_OPTION: OptionSpec = {
  flags: '--stored',
  description: 'show values as the stored bytes, without decoding them',
};

const FENCE_OPTION: OptionSpec = {
  flags: '--fence <fence>',
  description: 'refuse the write once a newer owner of the lock has written',
  environment: 'RINGKV_FENCE',
};

export const DATA_VERBS: readonly Verb[] = [
  {
    name: 'get',
    summary: 'print the value of a key',
    words: [KEY],
    options: [STORED_OPTION, ...ENCODING_OPTIONS],
    formats: ['table', 'json', 'raw'],
    details: `On a terminal, standard error says when the key expires; -o json has it as
"expiresAt". It is an estimate.`,
    examples: ['kvctl get user:7', 'kvctl get photo > photo.jpg', 'kvctl get user:7 -o json'],
    isRemote: true,
    load: () => import('./commands/get.ts'),
  },
  {
    name: 'set',
    aliases: ['put'],
    summary: 'write a value',
    words: [
      KEY,
      {
        form: '<value>',
        kind: 'value',
        description: 'text; - reads standard input, @path reads a file',
      },
    ],
    options: [
      { flags: '--ttl <time>', description: 'delete the key after this time: 30s, 10m, 7d' },
      { flags: '--if-version <n>', description: 'only if the key has this version' },
      { flags: '--if-absent', description: 'only if the key does not exist' },
      {
        flags: '--as <kind>',
        description: 'type of the value (default: text; bytes for files and standard input)',
        choices: VALUE_KINDS,
      },
      FENCE_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json', 'raw'],
    examples: [
      'kvctl set greeting hello',
      `kvctl set user:7 '{"name": "Ada"}' --as json`,
      'kvctl set photo @photo.jpg --ttl 7d',
      'date | kvctl set now -',
    ],
    isRemote: true,
    load: () => import('./commands/set.ts'),
  },
  {
    name: 'delete',
    aliases: ['del'],
    summary: 'delete keys',
    words: [{ form: '<keys...>', kind: 'key', description: 'one or more keys' }],
    options: [
      { flags: '--if-version <n>', description: 'only if the key has this version' },
      FENCE_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json'],
    examples: ['kvctl delete greeting', 'kvctl delete user:7 --if-version 1042'],
    isRemote: true,
    load: () => import('./commands/delete.ts'),
  },
  {
    name: 'scan',
    summary: 'print keys and values in key order',
    words: [],
    options: [
      ...SPAN_OPTIONS,
      { flags: '--limit <n>', description: 'maximum number of keys' },
      { flags: '--reverse', description: 'from the last key to the first' },
      { flags: '--keys', description: 'print keys without values' },
      { flags: '--cursor <cursor>', description: 'continue an earlier scan' },
      STORED_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json', 'ndjson', 'raw'],
    examples: ['kvctl scan --prefix user: --limit 20', 'kvctl scan -o ndjson | wc -l'],
    isRemote: true,
    load: () => import('./commands/scan.ts'),
  },
  {
    name: 'keys',
    summary: 'print keys in their order, without values',
    words: [],
    options: [
      ...SPAN_OPTIONS,
      { flags: '--limit <n>', description: 'maximum number of keys' },
      { flags: '--reverse', description: 'from the last key to the first' },
      { flags: '--cursor <cursor>', description: 'continue after an earlier one' },
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json', 'ndjson', 'raw'],
    details: 'The same as `kvctl scan --keys`.',
    examples: ['kvctl keys --prefix user: --limit 20'],
    isRemote: true,
    load: () => import('./commands/keys.ts'),
  },
  {
    name: 'watch',
    summary: 'print changes of a key or a range as they happen, until Ctrl-C',
    words: [{ ...KEY, form: '[key]' }],
    options: [
      ...SPAN_OPTIONS,
      { flags: '--no-initial', description: 'do not print the present keys first' },
      { flags: '--keys', description: 'print changes without values' },
      { flags: '--resume <token>', description: 'continue an earlier watch of the same keys' },
      {
        flags: '--save <file>',
        description: 'keep the token in this file, and continue from it next time',
      },
      { flags: '--limit <n>', description: 'end after this many changes' },
      STORED_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'ndjson', 'raw'],
    details: `Each change is printed once, in the order of its key, through failures of nodes.
Standard error says when the present keys are complete, and if changes were
forgotten before they could be printed: then the keys are read again.
The cluster remembers changes for ten minutes, or less under many writes. With
--save the file is written after each change that was printed, at least once in
about two seconds while there are none, and at the end.`,
    examples: [
      'kvctl watch user:7',
      'kvctl watch --prefix user: --save users.token -o ndjson',
      'kvctl watch --prefix job: --no-initial --limit 1',
    ],
    isRemote: true,
    load: () => import('./commands/watch.ts'),
  },
  {
    name: 'count',
    summary: 'count keys',
    words: [],
    options: [...SPAN_OPTIONS, ...ENCODING_OPTIONS],
    formats: ['table', 'json'],
    examples: ['kvctl count', 'kvctl count --prefix user:'],
    isRemote: true,
    load: () => import('./commands/count.ts'),
  },
  {
    name: 'clear',
    summary: 'delete all keys of a range',
    words: [],
    options: [
      ...SPAN_OPTIONS,
      { flags: '--everything', description: 'all keys of the store' },
      { flags: '--yes', description: 'delete them; without it, only count them' },
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json'],
    details: `Keys are deleted in their order, a page at a time. After a failure, run the
command again: it deletes the rest.`,
    examples: ['kvctl clear --prefix session: --yes', 'kvctl clear --everything --yes'],
    isRemote: true,
    load: () => import('./commands/clear.ts'),
  },
  {
    name: 'load',
    summary: 'write keys and values from the output of salvage or scan',
    words: [
      {
        form: '[file]',
        kind: 'value',
        description: 'lines of JSON (default: standard input, also -)',
      },
    ],
    options: [{ flags: '--if-absent', description: 'skip keys that already exist' }],
    formats: ['table', 'json'],
    examples: ['kvctl load saved.ndjson', 'kvctl load saved.ndjson --if-absent'],
    details: `Each line is an object with "key" and "value"; a value {"$bytes": base64} is
stored as raw bytes. Each line is a separate write: after a failure, run the
command again.`,
    isRemote: true,
    load: () => import('./commands/load.ts'),
  },
  {
    name: 'add',
    aliases: ['incr'],
    summary: 'add to a number; a missing key counts as 0',
    words: [KEY, { form: '[by]', kind: 'number', description: 'amount to add (default: 1)' }],
    options: [
      { flags: '--ttl <time>', description: 'of a key that is created: 30s, 10m, 7d' },
      FENCE_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json'],
    examples: ['kvctl add visits', 'kvctl add stock -- -3', 'kvctl add requests:ada --ttl 1m'],
    isRemote: true,
    load: () => import('./commands/add.ts'),
  },
  {
    name: 'touch',
    summary: 'set when a key expires; its value and version stay',
    words: [
      KEY,
      { form: '<time>', kind: 'value', description: 'from now: 30s, 10m, 7d; or never' },
    ],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json'],
    examples: ['kvctl touch session:9 30m', 'kvctl touch user:7 never'],
    isRemote: true,
    load: () => import('./commands/touch.ts'),
  },
  {
    name: 'txn',
    summary: 'run several commands as one atomic transaction',
    words: [
      {
        form: '[commands...]',
        kind: 'command',
        description: 'one command per argument (default: one per line of standard input, also -)',
        choices: ['list', 'resolve'],
      },
    ],
    options: [FENCE_OPTION, ...ENCODING_OPTIONS],
    formats: ['table', 'json', 'ndjson', 'raw'],
    details: `Commands (the keys may be in any shards):
${stepsText()}
On standard input, empty lines and lines that begin with # are ignored. Without
arguments on a terminal, txn prompts for commands.

kvctl txn list         lists pending transactions and the shards that still hold
                       their locks; ? marks a shard whose leader did not answer
kvctl txn resolve ID   finishes a pending transaction: completes the recorded
                       decision, or aborts it if there is none. Prints over if
                       it has ended and its outcome is no longer stored`,
    examples: [
      "kvctl txn 'check user:7 1042' 'set user:7 {\"name\": \"Ada\"} --as json' 'add visits 1'",
      "kvctl txn 'check seat:12 absent' 'set seat:12 Ada' 'add seats -1' -o json",
      'kvctl txn < commands.txt',
      'kvctl txn list',
    ],
    isRemote: true,
    load: () => import('./commands/txn.ts'),
  },
];
