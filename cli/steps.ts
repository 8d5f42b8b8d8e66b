/** Parses one command of a transaction: its arguments, options and value. */

import { nearestName } from '../src/base/nearest-name.ts';
import type { Call, Options } from './call.ts';
import { bytesOf, encodingOf } from './encoding.ts';
import { usageFailure } from './failure.ts';
import { durationOption, integerOf } from './options.ts';
import { wordsOf } from './shell-words.ts';
import { STEP_FORMS, type StepForm, writtenAs } from './step-forms.ts';
import type { Codec, Step } from './store.ts';
import { valueGiven } from './value.ts';
import { namesOf, VALUE_KINDS } from './verb.ts';

/** Fails with the error and the allowed form. */
export async function stepOf(line: string, call: Call, codec: Codec): Promise<Step> {
  const [name = '', ...rest] = wordsOf(line);
  const form = formNamed(name);
  const { words, options } = sorted(rest, form);
  const [keyWord = '', word = ''] = words;
  if (words.length !== form.words.length) {
    const missing = form.words[words.length];
    const what = missing === undefined ? 'has too many arguments' : `lacks its ${missing}`;
    throw usageFailure(`${name} ${what}`, `write ${writtenAs(form)}`);
  }
  const spelled = withSpelling(options, call.options);
  const key = bytesOf(keyWord, encodingOf(spelled));
  if (key.length === 0) throw usageFailure('the key is empty', 'a key has at least 1 byte');
  const ttlMilliseconds = durationOption(options, 'ttl');
  switch (form.name) {
    case 'set': {
      const value = await valueGiven({ ...call, options: spelled }, word, codec);
      return { type: 'set', key, value, ttlMilliseconds };
    }
    case 'append': {
      const raw = { ...spelled, as: 'stored' };
      const value = await valueGiven({ ...call, options: raw }, word, codec);
      return { type: 'append', key, value, ttlMilliseconds };
    }
    case 'delete':
      return { type: 'delete', key };
    case 'check':
      return { type: 'check', key, version: versionGiven(word) };
    default:
      return { type: form.name, key, operand: integerOf(word), ttlMilliseconds };
  }
}

function formNamed(name: string): StepForm {
  const form = STEP_FORMS.find((candidate) => namesOf(candidate).includes(name));
  if (form !== undefined) return form;
  const names = STEP_FORMS.map((candidate) => candidate.name);
  const meant = nearestName(name, STEP_FORMS.flatMap(namesOf));
  const allowed = `a line begins with ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  const hint = meant === undefined ? allowed : `did you mean ${meant}? ${allowed}`;
  throw usageFailure(`there is no command ${JSON.stringify(name)}`, hint);
}

interface Sorted {
  readonly words: readonly string[];
  readonly options: Options;
}

/** After `--` nothing is an option; a word with one dash never is, as it may be a number. */
function sorted(rest: readonly string[], form: StepForm): Sorted {
  const words: string[] = [];
  const options: Record<string, string | boolean> = {};
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? '';
    if (word === '--') {
      words.push(...rest.slice(at + 1));
      break;
    }
    if (!word.startsWith('--')) {
      words.push(word);
      continue;
    }
    const [flag = '', given] = word.split(/=(.*)/s);
    if (SPELLINGS.has(flag) && given === undefined) {
      options[flag.slice(2)] = true;
      continue;
    }
    if (!Object.hasOwn(form.options, flag)) throw unknownOption(word, form);
    if (given === undefined) at += 1;
    const value = given ?? rest[at];
    if (value === undefined) {
      const what = form.options[flag];
      throw usageFailure(`${flag} lacks its ${what}`, `write ${writtenAs(form)}`);
    }
    options[flag.slice(2)] = value;
  }
  if (options.as !== undefined && !VALUE_KINDS.includes(String(options.as))) {
    const kinds = VALUE_KINDS.join(', ');
    throw usageFailure(`--as is ${JSON.stringify(options.as)}`, `a value is one of ${kinds}`);
  }
  return { words, options };
}

const SPELLINGS = new Set(['--hex', '--base64']);

function unknownOption(word: string, form: StepForm): Error {
  const allowed = [...Object.keys(form.options), ...SPELLINGS].join(', ');
  return usageFailure(
    `${form.name} has no option ${word}`,
    `it may have ${allowed}; after -- nothing is an option`,
  );
}

/** Options of the line override options of the call. */
function withSpelling(own: Options, { hex, base64 }: Options): Options {
  const isSaid = own.hex !== undefined || own.base64 !== undefined;
  return isSaid ? own : { ...own, hex, base64 };
}

function versionGiven(word: string): number {
  if (word === 'absent') return 0;
  const version = /^\d{1,16}$/.test(word) ? Number(word) : Number.NaN;
  if (Number.isSafeInteger(version)) return version;
  throw usageFailure(
    `${JSON.stringify(word)} is not a version`,
    'use the number that get -o json shows, or absent for a key that must not exist',
  );
}
