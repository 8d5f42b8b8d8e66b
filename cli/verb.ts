/** What kvctl needs to know of a verb before it runs: for parsing, help, completion and hints. */

import { type CommandModule, FORMATS, type Format } from './call.ts';

export interface OptionSpec {
  /** As the parser takes it: `--ttl <time>`, `-o, --output <format>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** Taken from there if the option is not given. */
  readonly environment?: string;
  /** What may stand there: `choices`, and what other verbs have. */
  readonly environmentChoices?: readonly string[];
}

/** What stands in the place of a word, so that it can be completed. */
export type WordKind = 'key' | 'value' | 'number' | 'code' | 'shell' | 'verb' | 'command';

export interface WordSpec {
  /** As the parser takes it: `<key>`, `[by]`, `<keys...>`. */
  readonly form: string;
  readonly kind: WordKind;
  readonly description: string;
  /** What may stand there, or some of it: for completion, and nothing is refused by it. */
  readonly choices?: readonly string[];
}

/** The shells that a completion can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a value that is set may be. */
export const VALUE_KINDS: readonly string[] = ['text', 'json', 'bytes', 'stored'];

export interface Verb {
  /** The name of the library's call, where there is one. */
  readonly name: string;
  /** Other names that it is called by; completion and examples do not offer them. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly words: readonly WordSpec[];
  readonly options: readonly OptionSpec[];
  /** The forms in which it gives data; none if it gives none. */
  readonly formats: readonly Format[];
  readonly examples: readonly string[];
  /** What stands in its help before the examples, in lines. */
  readonly details?: string;
  /** It asks a cluster, so it knows the options that lead to one. */
  readonly isRemote: boolean;
  readonly load: () => Promise<CommandModule>;
}

/** Options of whatever asks a cluster. */
export const REMOTE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-u, --url <urls>',
    description: 'nodes to ask, with commas between them (default: those of the config file)',
    environment: 'RINGKV_URL',
  },
  {
    flags: '--config <file>',
    description: 'where the nodes stand (default: cluster.config.json, if there is one)',
    environment: 'RINGKV_CONFIG',
  },
  {
    flags: '--cluster <id>',
    description: 'the only cluster to ask (default: that of the config file, if it names one)',
    environment: 'RINGKV_CLUSTER',
  },
  {
    flags: '--timeout <time>',
    description: 'how long one request may take (default: 5s)',
    environment: 'RINGKV_TIMEOUT',
  },
];

export const DEBUG_OPTION: OptionSpec = {
  flags: '--debug',
  description: 'with a failure, show where it arose',
};

export const ENCODING_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--hex',
    description: 'keys and values are in hex, in arguments and in what is printed',
  },
  { flags: '--base64', description: 'the same in base64' },
];

export function outputOption(formats: readonly Format[]): OptionSpec {
  return {
    flags: '-o, --output <format>',
    description: 'how data are printed (default: table)',
    choices: formats,
    environment: 'RINGKV_OUTPUT',
    environmentChoices: FORMATS,
  };
}

/** `--if-version <n>` is called ifVersion. */
export function longNameOf({ flags }: OptionSpec): string {
  return /--[a-z0-9-]+/.exec(flags)?.[0] ?? flags;
}

/** All options of a verb, as the parser and the completion see them. */
export function optionsOf({ options, formats, isRemote }: Verb): readonly OptionSpec[] {
  const remote = isRemote ? REMOTE_OPTIONS : [];
  const output = formats.length > 0 ? [outputOption(formats)] : [];
  return [...options, ...output, ...remote, DEBUG_OPTION];
}

/** Its name, and its aliases. */
export function namesOf({ name, aliases = [] }: Pick<Verb, 'name' | 'aliases'>): readonly string[] {
  return [name, ...aliases];
}

/** `set <key> [value] [options]`: one line. */
export function usageOf({ name, words }: Verb): string {
  return [name, ...words.map(({ form }) => form)].join(' ');
}
