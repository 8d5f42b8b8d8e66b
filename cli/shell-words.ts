/**
 * A line as words, the way shells cut it: blanks part, quotes hold together. JSON needs no quotes:
 * what a word begins with in { or [ is taken as it stands, up to the bracket that closes it.
 */

import { usageFailure } from './failure.ts';

export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? '';
    const next = line[at + 1];
    const document = quote === '' && word === undefined ? documentAt(line, at) : '';
    if (document !== '') {
      word = document;
      at += document.length - 1;
    } else if (quote !== '' && character === quote) quote = '';
    else if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      word ??= '';
    } else if (character === '\\' && quote !== "'" && next !== undefined) {
      word = (word ?? '') + next;
      at += 1;
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') throw usageFailure(`a ${quote} is open`, `close it with another ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
}

/** What stands in brackets there; nothing if none open or they do not close. */
function documentAt(line: string, start: number): string {
  if (line[start] !== '{' && line[start] !== '[') return '';
  let depth = 0;
  let isText = false;
  for (let at = start; at < line.length; at++) {
    const character = line[at] ?? '';
    if (isText && character === '\\') at += 1;
    else if (character === '"') isText = !isText;
    else if (isText) continue;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth === 0) return line.slice(start, at + 1);
  }
  return '';
}

/** The word that is being written at the end of a line, and those before it. */
export function unfinishedWord(line: string): { readonly before: string[]; readonly word: string } {
  const at = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t')) + 1;
  return { before: line.slice(0, at).split(/\s+/).filter(Boolean), word: line.slice(at) };
}

/** A word as a shell takes it back, in quotes if it needs them. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
