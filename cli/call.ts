/** The arguments and services of one command: a command uses nothing else of its surroundings. */

import type { Dialogue } from './dialogue.ts';
import type { Exit } from './exit-codes.ts';
import type { Interruption } from './interruption.ts';
import type { Store } from './store.ts';
import type { Terminal } from './terminal.ts';

export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Call {
  readonly words: readonly string[];
  /** What stands behind `--`, for a verb that runs a command of the user. */
  readonly command: readonly string[];
  /** Keyed by option name in camel case. Flags override the environment; it overrides defaults. */
  readonly options: Options;
  readonly terminal: Terminal;
  /** Standard input, for `set key -`. */
  readonly input: () => Promise<Uint8Array>;
  /** Opens a dialogue with the user; undefined if standard input is not a terminal. */
  readonly dialogue: (() => Promise<Dialogue>) | undefined;
  /** Connects at the first call, and stays connected until kvctl ends. */
  readonly store: () => Promise<Store>;
  readonly interruption: Interruption;
}

export interface CommandModule {
  /** A verb that runs a command of the user ends with the exit code of that. */
  run(call: Call): Promise<Exit | number>;
}

export const FORMATS = ['table', 'json', 'ndjson', 'raw'] as const;
export type Format = (typeof FORMATS)[number];

/** The output format of the call. Each verb declares the formats that it supports. */
export function formatOf({ options }: Call): Format {
  return (options.output as Format | undefined) ?? 'table';
}
