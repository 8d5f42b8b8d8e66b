/** The commands of `kvctl txn` and their syntax. */

import type { Step } from './store.ts';

export interface StepForm {
  readonly name: Step['type'];
  /** Aliases of the name, as those of the verb. */
  readonly aliases?: readonly string[];
  /** The arguments after the name. */
  readonly words: readonly string[];
  /** Its options besides `--hex` and `--base64`, which all have, with the name of each value. */
  readonly options: Readonly<Record<string, string>>;
  readonly summary: string;
}

export const STEP_FORMS: readonly StepForm[] = [
  {
    name: 'set',
    aliases: ['put'],
    words: ['KEY', 'VALUE'],
    options: { '--ttl': 'TIME', '--as': 'KIND' },
    summary: 'write a value, as kvctl set does',
  },
  { name: 'delete', aliases: ['del'], words: ['KEY'], options: {}, summary: 'delete a key' },
  {
    name: 'add',
    aliases: ['incr'],
    words: ['KEY', 'N'],
    options: { '--ttl': 'TIME' },
    summary: 'add to a number; a missing key counts as 0',
  },
  {
    name: 'min',
    words: ['KEY', 'N'],
    options: { '--ttl': 'TIME' },
    summary: 'store the smaller of N and the value',
  },
  {
    name: 'max',
    words: ['KEY', 'N'],
    options: { '--ttl': 'TIME' },
    summary: 'store the larger of N and the value',
  },
  {
    name: 'append',
    words: ['KEY', 'TEXT'],
    options: { '--ttl': 'TIME' },
    summary: 'append bytes to the stored bytes; see set --as stored',
  },
  {
    name: 'check',
    words: ['KEY', 'VERSION|absent'],
    options: {},
    summary: 'commit only if the key has this version, or is absent',
  },
];

/** `set KEY VALUE [--ttl TIME] [--as KIND]`. */
export function writtenAs({ name, words, options }: StepForm): string {
  const optional = Object.entries(options).map(([flag, given]) => `[${flag} ${given}]`);
  return [name, ...words, ...optional].join(' ');
}

/** One line per command. */
export function stepsText(): string {
  const width = Math.max(...STEP_FORMS.map((form) => writtenAs(form).length));
  return STEP_FORMS.map((form) => `  ${writtenAs(form).padEnd(width)}  ${form.summary}\n`).join('');
}
