/** How long a line, a function and a file may be, and how a file begins. */

import { lineAt, type Rule, type SourceFile } from './tree.ts';

const COLUMNS_MAX = 100;
const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;

/** Words before a parenthesis and a brace that do not make a function. */
const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

const columns: Rule = {
  sentence: `a line has at most ${COLUMNS_MAX} columns`,
  find: (tree) =>
    tree.sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => {
        const length = [...line].length;
        if (length <= COLUMNS_MAX) return [];
        return [`${path}:${index + 1}: has ${length} columns, break the line`];
      }),
    ),
  broken: [{ 'src/raft/a.ts': `\n// ${'x'.repeat(COLUMNS_MAX)}\n` }],
  sound: [{ 'src/raft/a.ts': `\n// ${'é'.repeat(COLUMNS_MAX - 3)}\n` }],
};

const fileLength: Rule = {
  sentence: `a file has at most ${FILE_LINES_MAX} lines`,
  find: (tree) =>
    tree.sources
      .filter(({ text }) => lineCount(text) > FILE_LINES_MAX)
      .map(({ path, text }) => `${path}:1: has ${lineCount(text)} lines, split it by subject`),
  broken: [{ 'test/a.ts': 'a;\n'.repeat(FILE_LINES_MAX + 1) }],
  sound: [{ 'test/a.ts': 'a;\n'.repeat(FILE_LINES_MAX) }],
};

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

const functionLength: Rule = {
  sentence: `a function has at most ${FUNCTION_LINES_MAX} lines`,
  find: (tree) =>
    tree.sources.flatMap((file) =>
      functionsIn(file)
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(
          ({ name, line, lines }) => `${file.path}:${line}: ${name} has ${lines} lines, split it`,
        ),
    ),
  broken: [
    { 'src/raft/a.ts': `function a(b: number): void {\n${body(69)}}\n` },
    {
      'src/raft/a.ts': `class A {\n  async *#run(b = '{'): Map<B, { c: D }> {\n${body(69)}}\n}\n`,
    },
    { 'src/raft/a.ts': `class A {\n  get b(): { c: 1 } | { d: 2 } {\n${body(69)}}\n}\n` },
    { 'src/raft/a.ts': `const a = async (b: () => void): Promise<void> => {\n${body(69)}};\n` },
    { 'src/raft/a.ts': `function a(b: B): asserts b is { c: D } {\n${body(69)}}\n` },
  ],
  sound: [
    { 'src/raft/a.ts': `function a(): void {\n${body(68)}}\n` },
    { 'src/raft/a.ts': `function a() {\n${body(40)}}\nfunction b() {\n${body(40)}}\n` },
    { 'src/raft/a.ts': `class A {\n${'  b() {}\n'.repeat(80)}}\n` },
    { 'src/raft/a.ts': `const a = b(c) ? d(e) : {\n${'  f: 1,\n'.repeat(80)}};\n` },
    { 'src/raft/a.ts': `switch (a) {\n${'  case b: break;\n'.repeat(80)}}\n` },
    { 'test/a.test.ts': `describe('a', () => {\n${body(80)}});\n` },
  ],
};

function body(lines: number): string {
  return `  const text = \`} \${'}'} {\`; // }\n`.repeat(lines);
}

interface Span {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Declarations, methods, and arrow functions that a const or a field names. */
function functionsIn({ code }: SourceFile): Span[] {
  const spans: Span[] = [];
  const partners = partnersIn(code);
  for (const [open, close] of partners) {
    if (code[open] !== '(') continue;
    const start = bodyAfter(code, close + 1, partners);
    const name = start === undefined ? undefined : nameBefore(code, open, isArrow(code, start));
    const end = start === undefined ? undefined : partners.get(start);
    if (name === undefined || end === undefined) continue;
    const line = lineAt(code, open);
    spans.push({ name, line, lines: lineAt(code, end) - line + 1 });
  }
  return spans;
}

/** Each opening bracket's closing one. */
function partnersIn(code: string): Map<number, number> {
  const partners = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < code.length; at++) {
    const character = code.charAt(at);
    if ('({['.includes(character)) open.push(at);
    const start = ')}]'.includes(character) ? open.pop() : undefined;
    if (start !== undefined) partners.set(start, at);
  }
  return partners;
}

/** Where a body opens after a parameter list, past the type that may stand between. */
function bodyAfter(
  code: string,
  from: number,
  partners: ReadonlyMap<number, number>,
): number | undefined {
  let isType = false;
  let previous = '';
  for (let at = from; at < code.length; at++) {
    const character = code.charAt(at);
    if (/\s/.test(character)) continue;
    if (at > from && previous === '' && !':={'.includes(character)) return undefined;
    if (previous === '' && character === ':') isType = true;
    else if (character === '{' && (!isType || !isTypeNext(code, at))) return at;
    else if ('({['.includes(character)) at = partners.get(at) ?? code.length;
    else if (!isType && !'=>'.includes(character)) return undefined;
    else if (';)}]'.includes(character)) return undefined;
    previous = character;
  }
  return undefined;
}

/** Inside a return type, a brace after one of these opens a type and not the body. */
function isTypeNext(code: string, at: number): boolean {
  return /(?:[:|&<,(]|\bis|\bkeyof)\s*$/.test(code.slice(Math.max(0, at - 40), at));
}

function isArrow(code: string, start: number): boolean {
  return /=>\s*$/.test(code.slice(Math.max(0, start - 40), start));
}

function nameBefore(code: string, open: number, isArrow: boolean): string | undefined {
  const before = code.slice(Math.max(0, open - 200), open);
  if (isArrow) return before.match(/([\w$#]+)\s*(?::[^=;]*)?=\s*(?:async\s*)?(?:<[^=]*>)?$/)?.[1];
  const name = before.match(/([\w$#]+)\s*(?:<[^()=]*>)?\s*\*?\s*$/)?.[1];
  return name === undefined || CONTROL.has(name) ? undefined : name;
}

const header: Rule = {
  sentence: 'a file begins with a comment that says in a sentence what it is',
  find: (tree) =>
    tree.sources
      .filter(({ text }) => !hasHeader(text))
      .map(({ path }) => `${path}:1: has no header sentence, say what the file is`),
  broken: [
    { 'src/raft/a.ts': "import { b } from './b.ts';\n/** What it is. */" },
    { 'src/raft/a.ts': '/** what it is */\n' },
    { 'src/raft/a.ts': '/** What it is */\n' },
    { 'src/raft/a.ts': '// what.\n' },
    { 'src/raft/a.ts': '' },
  ],
  sound: [
    { 'src/raft/a.ts': '/** What it is. */\n' },
    { 'cli/a.ts': '#!/usr/bin/env node\n// What it is:\n// some words.\n' },
    { 'src/raft/a.ts': '/**\n * `a` and b. What\n * it is, more.\n */\nconst a = 1;' },
  ],
};

function hasHeader(text: string): boolean {
  const start = text.replace(/^#!.*\n/, '');
  const block = start.match(/^\/\*\*?([\s\S]*?)\*\//)?.[1];
  const lines = start.match(/^(?:\/\/.*(?:\n|$))+/)?.[0];
  const words = (block ?? lines ?? '').replace(/^\s*(?:\*|\/\/)/gm, ' ');
  return /(?:^|\s)[`'"]?[\p{Lu}`][^.]*[\s\S]*[.](?=[\s`'")]|$)/u.test(words);
}

export const SHAPE_RULES: readonly Rule[] = [columns, fileLength, functionLength, header];
