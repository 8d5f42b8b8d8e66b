/** The files under the tidy rules, read from the disk or planted by a test of the rules. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { scan } from './scanner.ts';

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** The path of the file imported, if the specifier is relative. */
  readonly target: string | undefined;
  /** The names imported; `*` stands for all of them. */
  readonly names: readonly string[];
  /** Those of them that are imported or exported as types only. */
  readonly typeNames: readonly string[];
  readonly isExport: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly code: string;
  readonly comments: string;
  readonly imports: readonly Import[];
}

export interface Tree {
  /** The TypeScript files, sorted by path. */
  readonly sources: readonly SourceFile[];
  /** Every text file by path, the sources among them. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface Rule {
  readonly sentence: string;
  /** One line for each breach: `file:line: what, and what to do`. */
  readonly find: (tree: Tree) => readonly string[];
  /** Each of these trees breaks the rule. */
  readonly broken: readonly Record<string, string>[];
  /** Each of these trees keeps it, and comes close. */
  readonly sound: readonly Record<string, string>[];
}

const UNTIDIED = new Set(['.git', 'node_modules', 'build', 'data']);
const FROM = /\b(import|export)\s+((?:type\s+)?[\w$\s{},*]*?)\s*\bfrom\s*(['"] *['"])/;
const BARE_OR_DYNAMIC = /\bimport\s*\(?\s*(['"] *['"])/;
const IMPORTS = new RegExp(`${FROM.source}|${BARE_OR_DYNAMIC.source}`, 'g');

export function readTree(root: string): Tree {
  const texts = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (UNTIDIED.has(entry.name)) continue;
      if (entry.isDirectory()) visit(path);
      if (!entry.isFile()) continue;
      const text = readFileSync(join(root, path), 'utf8');
      if (!text.includes('\0')) texts.set(path, text);
    }
  };
  visit('.');
  return treeOf(texts);
}

export function plantTree(texts: Record<string, string>): Tree {
  return treeOf(new Map(Object.entries(texts)));
}

/** The text before an offset decides the line. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** One breach for each match of a pattern in some text of a file. */
export function findMatches(
  file: Pick<SourceFile, 'path'>,
  text: string,
  pattern: RegExp,
  advise: (found: string) => string,
): string[] {
  return [...text.matchAll(pattern)].map((match) => {
    const found = match[0].trim();
    const offset = match.index + match[0].indexOf(found);
    return `${file.path}:${lineAt(text, offset)}: ${advise(found)}`;
  });
}

/** The top folder of a file, and inside src its room: `src/raft`, `test`, `src/index.ts`. */
export function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? `src/${second}` : top;
}

function treeOf(texts: ReadonlyMap<string, string>): Tree {
  const sources = [...texts]
    .filter(([path]) => path.endsWith('.ts'))
    .map(([path, text]) => sourceOf(path, text))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
  return { sources, texts };
}

function sourceOf(path: string, text: string): SourceFile {
  const { code, comments } = scan(text);
  const imports = [...code.matchAll(IMPORTS)].map((match): Import => {
    // The quotes are code and what is between them is blank there, so the text has the specifier.
    const quoted = match[3] ?? match[4] ?? '';
    const end = match.index + match[0].length;
    const specifier = text.slice(end - quoted.length + 1, end - 1);
    return {
      specifier,
      line: lineAt(text, end),
      target: specifier.startsWith('.') ? join(dirname(path), specifier) : undefined,
      names: namesIn(match[2]),
      typeNames: typeNamesIn(match[2]),
      isExport: match[1] === 'export',
    };
  });
  return { path, text, lines: text.split('\n'), code, comments, imports };
}

/** `{ a, type b as c }` names a and b; a namespace or a dynamic import may use any name. */
function namesIn(clause: string | undefined): string[] {
  const items = itemsIn(clause);
  return items?.map((item) => item.replace(/^type\s+/, '').split(/\s+as\s+/)[0] ?? '') ?? ['*'];
}

function typeNamesIn(clause = ''): string[] {
  if (clause.startsWith('type ')) return namesIn(clause);
  const types = itemsIn(clause)?.filter((item) => item.startsWith('type ')) ?? [];
  return types.flatMap((item) => namesIn(`{${item}}`));
}

function itemsIn(clause: string | undefined): string[] | undefined {
  const braces = clause?.match(/\{([^}]*)\}/)?.[1];
  return braces
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
