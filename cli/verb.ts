/** The declaration of a verb: for parsing, help, completion and hints. */

import { type CommandModule, FORMATS, type Format } from './call.ts';

export interface OptionSpec {
  /** In the parser's form: `--ttl <time>`, `-o, --output <format>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** It may be given several times. */
  readonly isRepeatable?: boolean;
  /** Environment variable with the default of the option. */
  readonly environment?: string;
  /** Values allowed in the environment: `choices`, and those of other verbs. */
  readonly environmentChoices?: readonly string[];
}

/** The kind of an argument, for completion. */
export type WordKind = 'key' | 'value' | 'number' | 'code' | 'shell' | 'verb' | 'command';

export interface WordSpec {
  /** In the parser's form: `<key>`, `[by]`, `<keys...>`. */
  readonly form: string;
  readonly kind: WordKind;
  readonly description: string;
  /** Suggested values for completion; other values are not refused. */
  readonly choices?: readonly string[];
}

/** Shells with completion support. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The types of a value for `--as`. */
export const VALUE_KINDS: readonly string[] = ['text', 'json', 'bytes', 'stored'];

export interface Verb {
  /** The name of the library's call, where there is one. */
  readonly name: string;
  /** Other names that it is called by; completion and examples do not offer them. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly words: readonly WordSpec[];
  /** It runs the command that stands behind `--`. */
  readonly runsCommand?: boolean;
  readonly options: readonly OptionSpec[];
  /** The supported output formats; none if the verb prints no data. */
  readonly formats: readonly Format[];
  readonly examples: readonly string[];
  /** Help text before the examples. */
  readonly details?: string;
  /** The verb connects to a cluster, so it has the connection options. */
  readonly isRemote: boolean;
  readonly load: () => Promise<CommandModule>;
}

/** Of clients and nodes. */
export const TLS_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--tls-ca <file>',
    description: 'certificate of the authority of the cluster (PEM); encrypts all connections',
    environment: 'RINGKV_TLS_CA',
  },
  {
    flags: '--tls-cert <file>',
    description: 'certificate to present to nodes (PEM)',
    environment: 'RINGKV_TLS_CERT',
  },
  {
    flags: '--tls-key <file>',
    description: 'private key of --tls-cert (PEM); only its owner may read it',
    environment: 'RINGKV_TLS_KEY',
  },
];

/** Options of all verbs that connect to a cluster. */
export const REMOTE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-u, --url <urls>',
    description: 'nodes to connect to, comma-separated (default: those of the config file)',
    environment: 'RINGKV_URL',
  },
  {
    flags: '--config <file>',
    description: 'config file with the nodes (default: cluster.config.json, if it exists)',
    environment: 'RINGKV_CONFIG',
  },
  {
    flags: '--cluster <id>',
    description: 'ID of the only cluster to accept (default: that of the config file, if set)',
    environment: 'RINGKV_CLUSTER',
  },
  {
    flags: '--token-file <file>',
    description: 'file with the token of the user (default: what kvctl login has stored)',
    environment: 'RINGKV_TOKEN_FILE',
  },
  {
    flags: '--timeout <time>',
    description: 'timeout of one request (default: 5s)',
    environment: 'RINGKV_TIMEOUT',
  },
  ...TLS_OPTIONS,
];

export const DEBUG_OPTION: OptionSpec = {
  flags: '--debug',
  description: 'print the stack trace of a failure',
};

export const ENCODING_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--hex',
    description: 'read and print keys and values in hex',
  },
  { flags: '--base64', description: 'read and print keys and values in base64' },
];

export function outputOption(formats: readonly Format[]): OptionSpec {
  return {
    flags: '-o, --output <format>',
    description: 'output format (default: table)',
    choices: formats,
    environment: 'RINGKV_OUTPUT',
    environmentChoices: FORMATS,
  };
}

/** The long flag of an option, without its value. */
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
export function usageOf({ name, words, runsCommand }: Verb): string {
  const command = runsCommand === true ? ['-- <command...>'] : [];
  return [name, ...words.map(({ form }) => form), ...command].join(' ');
}
