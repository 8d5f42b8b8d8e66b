/** Completions and hints for a line of the shell. */

import { unfinishedWord } from './shell-words.ts';
import { longNameOf, namesOf, optionsOf, usageOf, type Verb, type WordSpec } from './verb.ts';

export interface Suggestions {
  /** Completions of the last word. */
  readonly words: readonly string[];
  readonly word: string;
  /** The last word is the beginning of a key: the cluster has the completions. */
  readonly isKey: boolean;
}

export function suggest(line: string, verbs: readonly Verb[]): Suggestions {
  const { before, word } = unfinishedWord(line);
  const beginning = (names: readonly string[]) => names.filter((name) => name.startsWith(word));
  const [first] = before;
  if (first === undefined || (first === 'help' && before.length === 1)) {
    return {
      words: beginning([...verbs.map(({ name }) => name), 'help', 'exit']),
      word,
      isKey: false,
    };
  }
  const verb = verbs.find((one) => namesOf(one).includes(first));
  if (verb === undefined) return { words: [], word, isKey: false };
  const options = optionsOf(verb);
  const option = options.find(({ flags }) => flags.split(/[ ,]+/).includes(before.at(-1) ?? ''));
  if (option?.flags.includes('<')) {
    const isKey = option.flags.includes('<key>');
    return { words: beginning(option.choices ?? []), word, isKey };
  }
  if (word.startsWith('-'))
    return { words: beginning(options.map(longNameOf)), word, isKey: false };
  const place = wordAt(verb, before.length - 1);
  // A repeatable word may follow again.
  const choices = before.length === 1 ? (place?.choices ?? []) : [];
  return { words: beginning(choices), word, isKey: place?.kind === 'key' };
}

/** The rest of the usage, shown dim; empty for an unknown verb. */
export function hintFor(line: string, verbs: readonly Verb[]): string {
  if (!line.includes(' ')) return '';
  const { before, word } = unfinishedWord(line);
  const verb = verbs.find((one) => namesOf(one).includes(before[0] ?? ''));
  if (verb === undefined || before.concat(word).some((one) => one.startsWith('-'))) return '';
  const given = before.length - 1 + (word === '' ? 0 : 1);
  const rest = usageOf(verb)
    .split(' ')
    .slice(1 + given)
    .join(' ');
  if (rest === '') return '';
  return word === '' ? rest : ` ${rest}`;
}

function wordAt({ words }: Verb, at: number): WordSpec | undefined {
  const last = words.at(-1);
  return words[at] ?? (last?.form.includes('...') ? last : undefined);
}
