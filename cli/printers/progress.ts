/** Progress of a longer operation: a line every few seconds. */

import type { Terminal } from '../terminal.ts';

interface Progress {
  readonly tell: (text: string) => void;
  readonly end: () => void;
}

const QUIET_MILLISECONDS = 1000;
const LINE_MILLISECONDS = 3000;

/** Silent in the first second: most operations end by then. */
export function progressOn(terminal: Terminal, what: string): Progress {
  const beganAt = Date.now();
  let toldAt = beganAt - LINE_MILLISECONDS + QUIET_MILLISECONDS;
  return {
    tell: (text) => {
      const now = Date.now();
      if (now - toldAt < LINE_MILLISECONDS) return;
      toldAt = now;
      terminal.note(`${what}, ${Math.round((now - beganAt) / 1000)} s: ${text}`);
    },
    end: () => {},
  };
}
