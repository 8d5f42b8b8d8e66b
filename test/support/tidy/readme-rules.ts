/** The files that READMEs and documents name. */

import { dirname, join, normalize } from 'node:path/posix';
import { lineAt, type Rule, type Tree } from './tree.ts';

const README = /^(?:src|test)\/(?:.+\/)?README\.md$/;
const DOCUMENT = /^(?:docs\/(?!API)\w+|README|CONTRIBUTING|bench\/README|examples\/README)\.md$/;
const CODE_SPAN = /`([^`\n]+)`/g;
/** A path that has a folder or the ending of a source file; `*` stands for any part of a name. */
const PATH = /^(?:\.{1,2}\/)*[a-z0-9*][a-z0-9*.-]*(?:\/[a-z0-9*.-]+)*\/?$/;
/** The first cell of a row of a table of files, whose names stand there without their ending. */
const FILE_TABLE = /^\| *files?(?:, in reading order)? *\|.*\n\|[ |:-]+\n((?:\|.*\n?)+)/gm;
const FIRST_CELL = /^\|([^|]*)\|/gm;

interface Mention {
  readonly name: string;
  readonly offset: number;
}

/** Every file and folder of the tree, each also without its ending. */
function pathsOf(tree: Tree): Set<string> {
  const paths = new Set<string>();
  for (const path of tree.texts.keys()) {
    paths.add(path).add(path.replace(/\.ts$/, ''));
    for (let at = dirname(path); at !== '.'; at = dirname(at)) paths.add(at);
  }
  return paths;
}

function spansOf(text: string, from: number): Mention[] {
  return [...text.matchAll(CODE_SPAN)].map((match) => ({
    name: match[1] ?? '',
    offset: from + match.index,
  }));
}

/** Spans that look like paths of the repository. */
function pathSpans(text: string, rooms: ReadonlySet<string>): Mention[] {
  return spansOf(text, 0).filter(({ name }) => {
    if (!PATH.test(name)) return false;
    const [room = ''] = name.split('/');
    return (
      /[^.]\.ts$/.test(name) || (name.includes('/') && (/^\.\.?$/.test(room) || rooms.has(room)))
    );
  });
}

/** All names in the first column of tables of files. */
function tabledFiles(text: string): Mention[] {
  return [...text.matchAll(FILE_TABLE)].flatMap((table) => {
    const rows = table[1] ?? '';
    const from = table.index + table[0].length - rows.length;
    return [...rows.matchAll(FIRST_CELL)].flatMap((cell) =>
      spansOf(cell[1] ?? '', from + cell.index + 1),
    );
  });
}

function isThere(name: string, folder: string, paths: ReadonlySet<string>): boolean {
  const tests = folder.replace(/^src/, 'test');
  const parents = [folder, '', 'src', 'test', dirname(folder), tests];
  const candidates = parents.map((parent) => normalize(join(parent, name)).replace(/\/$/, ''));
  if (!name.includes('*')) return candidates.some((path) => paths.has(path));
  return candidates.some((path) => {
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    return [...paths].some((one) => pattern.test(one));
  });
}

/** A document names source files by any end of their path. */
function absentSources(path: string, text: string, tree: Tree): string[] {
  const sources = tree.sources.map((source) => `/${source.path}`);
  return spansOf(text, 0)
    .filter(({ name }) => PATH.test(name) && name.endsWith('.ts') && !name.includes('*'))
    .filter(({ name }) => !sources.some((source) => source.endsWith(`/${name}`)))
    .map(({ name, offset }) => `${path}:${lineAt(text, offset)}: there is no file ${name}`);
}

const documentPaths: Rule = {
  sentence: 'the source files that a document names exist',
  find: (tree) =>
    [...tree.texts]
      .filter(([path]) => DOCUMENT.test(path))
      .flatMap(([path, text]) => absentSources(path, text, tree)),
  broken: [
    { 'docs/A.md': 'See `raft/gone.ts`.', 'src/raft/log.ts': '' },
    { 'README.md': 'See `gone.ts`.', 'src/raft/log.ts': '' },
  ],
  sound: [
    {
      'docs/A.md': 'See `log.ts`, `raft/log.ts`, `src/raft/log.ts` and `data/` or `*.ts`.',
      'src/raft/log.ts': '',
    },
    { 'docs/API.md': 'See `gone.ts`.' },
  ],
};

const readmePaths: Rule = {
  sentence: 'the files that a README below src or test names exist',
  find: (tree) => {
    const paths = pathsOf(tree);
    const rooms = new Set(
      [...tree.texts.keys()].map((path) => /^(?:(?:src|test)\/)?([^/]+)\//.exec(path)?.[1] ?? ''),
    );
    return [...tree.texts]
      .filter(([path]) => README.test(path))
      .flatMap(([path, text]) =>
        [...pathSpans(text, rooms), ...tabledFiles(text)]
          .filter(({ name }) => !isThere(name, dirname(path), paths))
          .map(({ name, offset }) => `${path}:${lineAt(text, offset)}: there is no file ${name}`),
      );
  },
  broken: [
    { 'src/raft/README.md': 'See `gone.ts`.', 'src/raft/log.ts': '' },
    { 'src/raft/README.md': 'See `../shard/gone`.', 'src/shard/log.ts': '' },
    { 'src/README.md': 'See `raft/*-gone.ts`.', 'src/raft/log.ts': '' },
    {
      'test/README.md': '| file | what |\n| --- | --- |\n| `log` `gone` | b |\n',
      'test/log.ts': '',
    },
  ],
  sound: [
    {
      'src/raft/README.md':
        'See `log.ts`, `raft/log.ts`, `../raft/log`, `shard/`, `l*.ts`, `b.test.ts`.\n' +
        'Not `.ts`, `.test.ts`, `a/b`, `log/term` or `(term, index)`.\n' +
        '| file | what |\n| --- | --- |\n| `log`, `../shard/a.ts` | not `gone` |\n\n`gone`\n',
      'src/raft/log.ts': '',
      'src/shard/a.ts': '',
      'test/raft/b.test.ts': '',
    },
    { 'src/raft/README.md': '| file on disk | what |\n| --- | --- |\n| `identity` | b |\n' },
  ],
};

export const README_RULES: readonly Rule[] = [readmePaths, documentPaths];
