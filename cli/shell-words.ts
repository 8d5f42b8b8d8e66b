/**
 * Splits a line into words as shells do: blanks separate, quotes group. JSON needs no quotes: a
 * word that begins with { or [ extends to the matching bracket.
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
  if (quote !== '') throw usageFailure(`unclosed quote ${quote}`, `close it with ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
}

/** The bracketed text at this position; empty if there is none or it is not closed. */
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

/** The unfinished word at the end of a line, and the words before it. */
export function unfinishedWord(line: string): { readonly before: string[]; readonly word: string } {
  const at = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t')) + 1;
  return { before: line.slice(0, at).split(/\s+/).filter(Boolean), word: line.slice(at) };
}

/** A word quoted for a shell if it needs quotes. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
