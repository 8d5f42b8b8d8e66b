/** Verbs for keys and values. */

import { stepsText } from './step-forms.ts';
import {
  ENCODING_OPTIONS,
  type OptionSpec,
  VALUE_KINDS,
  type Verb,
  type WordSpec,
} from './verb.ts';

const KEY: WordSpec = { form: '<key>', kind: 'key', description: 'the key, as text' };

const SPAN_OPTIONS: readonly OptionSpec[] = [
  { flags: '--prefix <key>', description: 'keys that begin with this' },
  { flags: '--from <key>', description: 'from this key on' },
  { flags: '--to <key>', description: 'up to this key, without it' },
];

const STORED_OPTION: OptionSpec = {
  flags: '--stored',
  description: 'values as the bytes that are stored, not as what they mean',
};

export const DATA_VERBS: readonly Verb[] = [
  {
    name: 'get',
    summary: 'print the value of a key',
    words: [KEY],
    options: [STORED_OPTION, ...ENCODING_OPTIONS],
    formats: ['table', 'json', 'raw'],
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
        description: 'text; - for standard input, @path for a file',
      },
    ],
    options: [
      { flags: '--ttl <time>', description: 'the key goes after this time: 30s, 10m, 7d' },
      { flags: '--if-version <n>', description: 'only if the key has this version' },
      { flags: '--if-absent', description: 'only if there is no such key' },
      {
        flags: '--as <kind>',
        description: 'what the value is (default: text; of a file, bytes)',
        choices: VALUE_KINDS,
      },
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
    words: [{ form: '<keys...>', kind: 'key', description: 'one key or more' }],
    options: [
      { flags: '--if-version <n>', description: 'only if the key has this version' },
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json'],
    examples: ['kvctl delete greeting', 'kvctl delete user:7 --if-version 1042'],
    isRemote: true,
    load: () => import('./commands/delete.ts'),
  },
  {
    name: 'scan',
    summary: 'print keys and values in the order of the keys',
    words: [],
    options: [
      ...SPAN_OPTIONS,
      { flags: '--limit <n>', description: 'no more than so many' },
      { flags: '--reverse', description: 'from the last key to the first' },
      { flags: '--keys', description: 'keys alone' },
      { flags: '--cursor <cursor>', description: 'go on where an earlier scan stopped' },
      STORED_OPTION,
      ...ENCODING_OPTIONS,
    ],
    formats: ['table', 'json', 'ndjson', 'raw'],
    examples: ['kvctl scan --prefix user: --limit 20', 'kvctl scan -o ndjson | wc -l'],
    isRemote: true,
    load: () => import('./commands/scan.ts'),
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
    name: 'load',
    summary: 'write the keys and values of a file, as salvage and scan print them',
    words: [
      { form: '[file]', kind: 'value', description: 'lines of JSON; none or -: standard input' },
    ],
    options: [{ flags: '--if-absent', description: 'leave keys alone that are there already' }],
    formats: ['table', 'json'],
    examples: ['kvctl load saved.ndjson', 'kvctl load saved.ndjson --if-absent'],
    details: `Each line is an object with "key" and "value"; a value {"$bytes": base64} is
stored as it is. Lines take effect one by one: after a failure, run it again.`,
    isRemote: true,
    load: () => import('./commands/load.ts'),
  },
  {
    name: 'add',
    aliases: ['incr'],
    summary: 'add to a number; one that is not there is 0',
    words: [KEY, { form: '[by]', kind: 'number', description: 'how much (default: 1)' }],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json'],
    examples: ['kvctl add visits', 'kvctl add stock -- -3'],
    isRemote: true,
    load: () => import('./commands/add.ts'),
  },
  {
    name: 'txn',
    summary: 'several commands that take effect together, or not at all',
    words: [
      {
        form: '[commands...]',
        kind: 'command',
        description: 'one argument each; none or -: a line each, from standard input',
        choices: ['list', 'resolve'],
      },
    ],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json', 'ndjson', 'raw'],
    details: `Commands, whose keys may be any:
${stepsText()}
A line of standard input may be empty, or a comment behind #. On a terminal
without commands, txn asks for them.

kvctl txn list         what waits in the cluster to be decided or to be heard of:
                       for which shards, which hold keys of it, and with a ?
                       for those whose leader could not be asked
kvctl txn resolve ID   ends one of these, as it was decided; else it is aborted.
                       Of one that is over already the shard may not know how`,
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
