/** A line as words, the way shells cut it: blanks part, quotes hold together. */

import { usageFailure } from './failure.ts';

export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? '';
    const next = line[at + 1];
    if (quote !== '' && character === quote) quote = '';
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

/** The word that is being written at the end of a line, and those before it. */
export function unfinishedWord(line: string): { readonly before: string[]; readonly word: string } {
  const at = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t')) + 1;
  return { before: line.slice(0, at).split(/\s+/).filter(Boolean), word: line.slice(at) };
}
