/** Output of kvctl: data to standard output, everything else to standard error. */

import { visibleLines } from './encoding.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (text: string, style: Style) => string;

export interface Terminal {
  /** Standard output is a terminal: data are aligned, and control sequences are escaped. */
  readonly isWatched: boolean;
  readonly columns: number;
  /** Colours for data, and for notes. */
  readonly paint: Paint;
  readonly paintNote: Paint;
  /**
   * Writes data; resolves when the stream accepts more. Text and notes cannot send control
   * sequences to a terminal; bytes are written unchanged.
   */
  write(data: string | Uint8Array): Promise<void>;
  /** Writes one line that is not data. */
  note(text: string): void;
}

/** A stream, with the properties that a terminal has. */
export type Sink = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

interface Streams {
  readonly data: Sink;
  readonly notes: Sink;
  readonly environment: NodeJS.ProcessEnv;
}

const COLUMNS_UNKNOWN = 100;

export function terminalOver({ data, notes, environment }: Streams): Terminal {
  const isWatched = data.isTTY === true;
  return {
    isWatched,
    // Some terminals report 0 for an unknown width.
    columns: data.columns || COLUMNS_UNKNOWN,
    paint: isWatched && mayColour(environment) ? painted : plain,
    paintNote: notes.isTTY === true && mayColour(environment) ? painted : plain,
    write: (chunk) => {
      const isText = isWatched && typeof chunk === 'string';
      if (data.write(isText ? visibleLines(chunk) : (chunk as string))) return Promise.resolve();
      return new Promise((resolve) => data.once('drain', resolve));
    },
    note: (text) => {
      notes.write(`${visibleLines(text)}\n`);
    },
  };
}

function mayColour({ NO_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  return (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

const CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

const plain: Paint = (text) => text;
export const painted: Paint = (text, style) => `\u001b[${CODES[style]}m${text}\u001b[0m`;
