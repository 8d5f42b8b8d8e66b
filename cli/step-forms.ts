/** The commands that `kvctl txn` gathers, and how each of them is written. */

import type { Step } from './store.ts';

export interface StepForm {
  readonly name: Step['type'];
  /** Other names that it is called by, as those of the verb. */
  readonly aliases?: readonly string[];
  /** What stands behind the name. */
  readonly words: readonly string[];
  /** What it may have besides `--hex` and `--base64`, which all have, and what each is given. */
  readonly options: Readonly<Record<string, string>>;
  readonly summary: string;
}

export const STEP_FORMS: readonly StepForm[] = [
  {
    name: 'set',
    aliases: ['put'],
    words: ['KEY', 'VALUE'],
    options: { '--ttl': 'TIME', '--as': 'KIND' },
    summary: 'write a value, as the verb set does',
  },
  { name: 'delete', aliases: ['del'], words: ['KEY'], options: {}, summary: 'delete a key' },
  {
    name: 'add',
    aliases: ['incr'],
    words: ['KEY', 'N'],
    options: {},
    summary: 'add to a number; one that is not there is 0',
  },
  { name: 'min', words: ['KEY', 'N'], options: {}, summary: 'keep the smaller number' },
  { name: 'max', words: ['KEY', 'N'], options: {}, summary: 'keep the larger number' },
  {
    name: 'append',
    words: ['KEY', 'TEXT'],
    options: {},
    summary: 'bytes behind those that are stored; see set --as stored',
  },
  {
    name: 'check',
    words: ['KEY', 'VERSION|absent'],
    options: {},
    summary: 'do all of it only if the key has this version, or is not there',
  },
];

/** `set KEY VALUE [--ttl TIME] [--as KIND]`. */
export function writtenAs({ name, words, options }: StepForm): string {
  const optional = Object.entries(options).map(([flag, given]) => `[${flag} ${given}]`);
  return [name, ...words, ...optional].join(' ');
}

/** A line for each. */
export function stepsText(): string {
  const width = Math.max(...STEP_FORMS.map((form) => writtenAs(form).length));
  return STEP_FORMS.map((form) => `  ${writtenAs(form).padEnd(width)}  ${form.summary}\n`).join('');
}
