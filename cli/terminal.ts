/** Where kvctl writes: data to the one side, all else to the other. */

import { visibleLines } from './encoding.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (text: string, style: Style) => string;

export interface Terminal {
  /** Somebody looks at the data: they are aligned, and nothing in them may steer the terminal. */
  readonly isWatched: boolean;
  readonly columns: number;
  /** For data, and for notes. */
  readonly paint: Paint;
  readonly paintNote: Paint;
  /**
   * Data. Resolves when there is room for more. Text that goes to a terminal cannot steer the
   * terminal, and neither can notes; bytes are written as they are.
   */
  write(data: string | Uint8Array): Promise<void>;
  /** Everything that is not data, a line each. */
  note(text: string): void;
}

/** A stream, and what it has if somebody looks at it. */
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
    // Some terminals say 0, and mean that they do not know.
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
