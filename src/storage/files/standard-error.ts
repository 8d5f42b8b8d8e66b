/** Standard error, whatever it is: bytes leave it without anything waiting for them. */

import fs from 'node:fs';
import { errnoOf } from './system-errors.ts';

/** How many of the bytes left; and why not all of them, if they met with a fault. */
type Written = (bytes: number, fault: string | undefined) => void;

/** Required: one write at a time. `done` may come at once. */
export interface Outlet {
  write(bytes: Uint8Array, done: Written): void;
}

const STANDARD_ERROR = 2;

/**
 * A pipe is opened once more, for this description alone, so that a write into a full one comes
 * back at once and no other process that shares the pipe finds it changed. What cannot be opened
 * again (a socket, a system without /proc) is written to by the stream that Node has for it. Files
 * and terminals are written to by a thread of the pool, which alone waits for a disk that is slow.
 */
export function standardError(): Outlet {
  const kind = fs.fstatSync(STANDARD_ERROR);
  if (kind.isFIFO()) return pipeOutlet(reopened() ?? 'none');
  return kind.isSocket() ? streamOutlet() : fileOutlet();
}

function reopened(): number | undefined {
  try {
    const { O_WRONLY, O_NONBLOCK } = fs.constants;
    return fs.openSync(`/proc/self/fd/${STANDARD_ERROR}`, O_WRONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function pipeOutlet(file: number | 'none'): Outlet {
  if (file === 'none') return streamOutlet();
  return {
    write(bytes, done) {
      let written: number;
      try {
        written = fs.writeSync(file, bytes);
      } catch (error) {
        return done(0, errnoOf(error));
      }
      done(written, undefined);
    },
  };
}

function fileOutlet(): Outlet {
  return {
    write(bytes, done) {
      fs.write(STANDARD_ERROR, bytes, (error, written) => done(written, error?.code));
    },
  };
}

function streamOutlet(): Outlet {
  return {
    write(bytes, done) {
      process.stderr.write(bytes, (error) => {
        if (error === null || error === undefined) return done(bytes.length, undefined);
        done(0, errnoOf(error));
      });
    },
  };
}
