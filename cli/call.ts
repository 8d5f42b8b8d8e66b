/** What a command gets to work with, and what it may not do by itself. */

import type { Dialogue } from './dialogue.ts';
import type { Exit } from './exit.ts';
import type { Store } from './store.ts';
import type { Terminal } from './terminal.ts';

export type Options = Readonly<Record<string, string | boolean | undefined>>;

export interface Call {
  readonly words: readonly string[];
  /** By their names in camel case. Flags win over the environment, that over defaults. */
  readonly options: Options;
  readonly terminal: Terminal;
  /** Standard input, for `set key -`. */
  readonly input: () => Promise<Uint8Array>;
  /** For whoever sits at a terminal; undefined if standard input is none. */
  readonly dialogue: (() => Promise<Dialogue>) | undefined;
  /** Connects at the first call, and stays connected until kvctl ends. */
  readonly store: () => Promise<Store>;
}

export interface CommandModule {
  run(call: Call): Promise<Exit>;
}

export const FORMATS = ['table', 'json', 'ndjson', 'raw'] as const;
export type Format = (typeof FORMATS)[number];

/** Which form the data shall have; the verbs say which forms they know. */
export function formatOf({ options }: Call): Format {
  return (options.output as Format | undefined) ?? 'table';
}
