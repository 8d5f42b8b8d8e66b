/** Words that some rooms, or all of them, do not use. */

import { findMatches, type Rule, roomOf, type SourceFile } from './tree.ts';

/** The simulator runs these; wire is here because a codec has to be as repeatable as they are. */
const PURE = ['base', 'ring', 'raft', 'machine', 'catalog', 'txn', 'wire', 'shard', 'node'].map(
  (name) => `src/${name}`,
);

/** The one file that asks the machine for clock and randomness; no pure file imports it. */
const AMBIENT_HOME = 'src/base/ambient.ts';
const AMBIENT_HOMES = /^src\/(?:base\/ambient\.ts|layers\/|certificates\/)/;

/** The core of the client is pure, the shell around it is not. */
const PURE_FOLDER = 'src/client/core/';

/** None of these after a dot: a field of that name is another thing. */
const IMPURE_WORDS = [
  'async',
  'await',
  'Promise',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'Date',
  'performance',
  'process',
  'console',
  'crypto',
  'Intl',
  'structuredClone',
  'globalThis',
  'WeakRef',
  'FinalizationRegistry',
];

/** Approximated, so they differ between engines; the others are exact everywhere. */
const INEXACT = 'random|a?(?:sin|cos|tan)h?|atan2|exp|expm1|log|log2|log10|log1p|pow|hypot|cbrt';

/** Members that differ between machines or runs. Math is not to be passed around either. */
const IMPURE_MEMBERS = new RegExp(
  [
    '\\.\\s*locale[A-Z]\\w*',
    '\\.\\s*toLocale\\w+',
    '\\bJSON\\s*\\.\\s*parse\\b',
    `\\bMath\\s*\\.\\s*(?:${INEXACT})\\b`,
    '\\bMath\\b(?!\\s*\\.\\s*\\w)',
  ].join('|'),
  'g',
);

const AMBIENT =
  /(?<![.\w$#])(?:Date|performance|crypto)\b|\bprocess\s*\.\s*hrtime\b|\bMath\s*\.\s*random\b/g;

/** Words with another meaning here, and what to say. */
const VOCABULARY: Readonly<Record<string, string>> = {
  region: 'shard',
  regions: 'shards',
  partition: 'shard',
  partitions: 'shards',
  primary: 'leader',
  primaries: 'leaders',
  master: 'leader',
  slave: 'follower',
  idx: 'index',
  cfg: 'configuration',
  msg: 'message',
  msgs: 'messages',
  req: 'request',
  resp: 'response',
  ctx: 'the thing itself',
  tmp: 'what it holds',
  buf: 'bytes',
  cnt: 'count',
};

/** Words that say a thing is unfinished or a check is off. */
const IN_COMMENTS =
  /\b(?:TODO|FIXME|XXX)\b|@ts-(?:ignore|expect-error|nocheck)\b|\bbiome-ignore\b/g;
const IN_CODE = /\bas\s+any\b|:\s*any\b|<any\b|\b(?:TODO|FIXME|XXX)\b/g;
const IN_TESTS = new RegExp(
  [
    /\b(?:test|it|describe|suite|context|t)\s*\.\s*(?:only|skip|todo)\s*\(/,
    /\b(?:only|skip|todo)\s*:\s*(?:true\b|['"`])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

function isInSource({ path }: SourceFile): boolean {
  return path.startsWith('src/');
}

const pure: Rule = {
  sentence: 'the pure core says nothing that a clock, a machine or a scheduler answers',
  find: (tree) => {
    const words = new RegExp(`(?<![.\\w$#])(?:${IMPURE_WORDS.join('|')})\\b`, 'g');
    const advise = (found: string) => `${found} is impure, let the caller pass in what it gives`;
    const isPure = ({ path }: SourceFile) => {
      return path !== AMBIENT_HOME && (PURE.includes(roomOf(path)) || path.startsWith(PURE_FOLDER));
    };
    return tree.sources.filter(isPure).flatMap((file) => [
      ...findMatches(file, file.code, words, advise),
      ...findMatches(file, file.code, IMPURE_MEMBERS, advise),
      ...file.imports
        .filter(({ specifier, target }) => {
          return specifier.startsWith('node:') || target === AMBIENT_HOME;
        })
        .map(({ line, specifier }) => `${file.path}:${line}: ${advise(specifier)}`),
    ]);
  },
  broken: [
    ...IMPURE_WORDS.map((word) => ({ 'src/raft/a.ts': `const a = ${word} ;` })),
    ...['base', 'ring', 'machine', 'catalog', 'txn', 'wire'].map((room) => ({
      [`src/${room}/a.ts`]: 'const a = async () => 1;',
    })),
    ...['random', 'exp', 'log', 'pow', 'sin', 'cos', 'tan'].map((name) => ({
      'src/raft/a.ts': `const a = Math.${name}(1);`,
    })),
    { 'src/raft/a.ts': 'const { random } = Math;' },
    { 'src/raft/a.ts': `const a = \`at \${Date.now()}\`;` },
    { 'src/raft/a.ts': "const order = a.localeCompare(b, 'en');" },
    { 'src/wire/a.ts': 'const a = JSON.parse(text);' },
    { 'src/raft/a.ts': "import { createHash } from 'node:crypto';" },
    { 'src/raft/a.ts': "import { wallNow } from '../base/ambient.ts';" },
    { 'src/client/core/a.ts': 'const a = async () => 1;' },
  ],
  sound: [
    { 'src/raft/a.ts': `/* async */ const a = \`Date \${b} process\`; // Math.random` },
    { 'src/raft/a.ts': "const a = 'await' + /Promise's/.source;" },
    { 'src/base/a.ts': 'const a = JSON.stringify(value) + Math.imul(1, 2);' },
    { 'src/raft/a.ts': 'const a = turn.process; const asynchronous = 1;' },
    { 'src/runtime/a.ts': 'async function a() {}' },
  ],
};

/** Ciphers, key derivation and digests of data; randomness is passed in there too. */
const CIPHER_HOMES = /^src\/(?:storage\/sealing|audit|passwords)\//;

const ambient: Rule = {
  // Layers are applications: they take what any program takes. Keys are random by their nature,
  // and certificates tell dates, which their makers are given.
  sentence:
    'no file in src but layers and certificates reads the ambient clock or ambient randomness',
  find: (tree) => {
    const advise = (found: string) => `${found} is ambient, take a clock or a Random from base`;
    return tree.sources
      .filter((file) => isInSource(file) && !AMBIENT_HOMES.test(file.path))
      .flatMap((file) => [
        ...findMatches(file, file.code, AMBIENT, advise),
        ...file.imports
          .filter(({ specifier }) => /^(node:)?(crypto|perf_hooks)$/.test(specifier))
          .filter(() => !CIPHER_HOMES.test(file.path))
          .map(({ line, specifier }) => `${file.path}:${line}: ${advise(specifier)}`),
      ]);
  },
  broken: [
    { 'src/runtime/a.ts': 'const now = Date.now();' },
    { 'src/runtime/a.ts': 'const now = performance.now();' },
    { 'src/runtime/a.ts': 'const now = process.hrtime.bigint();' },
    { 'src/client/a.ts': 'const delay = Math.random();' },
    { 'src/client/a.ts': 'const id = crypto.randomUUID();' },
    { 'src/client/a.ts': "import { randomUUID } from 'node:crypto';" },
  ],
  sound: [
    { 'src/runtime/a.ts': 'const a = process.pid; const b = limits.Date; // Date.now()' },
    { 'bench/a.ts': 'const now = performance.now();' },
    { 'src/base/ambient.ts': 'const now = performance.now();' },
    { 'src/layers/a.ts': 'const now = Date.now();' },
    { 'src/storage/sealing/a.ts': "import { createCipheriv } from 'node:crypto';" },
    { 'src/passwords/a.ts': "import { scrypt } from 'node:crypto';" },
  ],
};

const vocabulary: Rule = {
  sentence: 'one word has one meaning, and no name is cut short',
  find: (tree) =>
    tree.sources.filter(isInSource).flatMap((file) =>
      findMatches(file, file.code, /[A-Za-z_$][\w$]*/g, (name) => name).flatMap((breach) => {
        const name = breach.slice(breach.lastIndexOf(' ') + 1);
        const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
        return words.split(/[ _$]/).flatMap((word) => {
          if (!Object.hasOwn(VOCABULARY, word)) return [];
          return [`${breach} says ${word}, the word here is ${VOCABULARY[word]}`];
        });
      }),
    ),
  broken: [
    { 'src/ring/a.ts': 'const regionOf = 1;' },
    { 'src/raft/a.ts': 'interface PrimaryNode {}' },
    { 'src/raft/a.ts': 'const isMaster = true;' },
    { 'src/ring/a.ts': 'const PARTITION_COUNT = 3;' },
    { 'src/wire/a.ts': 'function read(msg: Message) {}' },
  ],
  sound: [
    { 'src/raft/a.ts': '// A partition of the network is another matter.\nconst remastered = 1;' },
    { 'src/wire/a.ts': 'const requests = message.bytes;' },
    { 'test/a.ts': 'const partition = 1;' },
  ],
};

const unfinished: Rule = {
  sentence: 'nothing is left for later and no check is switched off',
  find: (tree) =>
    tree.sources.flatMap((file) => {
      const advise = (found: string) => `${found} has no place here, finish the matter`;
      const isTest = file.path.startsWith('test/');
      return [
        ...findMatches(file, file.comments, IN_COMMENTS, advise),
        ...findMatches(file, file.code, IN_CODE, advise),
        ...(isTest ? findMatches(file, file.code, IN_TESTS, advise) : []),
      ];
    }),
  broken: [
    { 'test/a.test.ts': "test.only('a', () => {});" },
    { 'test/a.test.ts': "test.skip('a', () => {});" },
    { 'test/a.test.ts': "test.todo('a');" },
    { 'test/a.test.ts': "test('a', { skip: true }, () => {});" },
    { 'test/a.test.ts': "test('a', (t) => t.skip());" },
    ...['TODO', 'FIXME', 'XXX', '@ts-ignore', '@ts-expect-error', 'biome-ignore'].map((mark) => ({
      'src/raft/a.ts': `// ${mark} later`,
    })),
    { 'src/raft/a.ts': 'const a = b as any;' },
    { 'src/raft/a.ts': 'function a(b: any) {}' },
  ],
  sound: [
    { 'src/wire/a.ts': 'reader.skip(4); const a: anyone = 1;', 'test/a.ts': 'disk.skip(4);' },
    { 'test/a.test.ts': "test('TODO is found', () => {}); // as any of us would" },
  ],
};

export const WORD_RULES: readonly Rule[] = [pure, ambient, vocabulary, unfinished];
