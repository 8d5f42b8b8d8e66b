/** Standard error of any kind, written without blocking. */

import fs from 'node:fs';
import { errnoOf } from './system-errors.ts';

/** Receives the number of written bytes, and the fault if that is not all of them. */
type Written = (bytes: number, fault: string | undefined) => void;

/** Required: one write at a time. `done` may be called within the call. */
export interface Outlet {
  write(bytes: Uint8Array, done: Written): void;
}

const STANDARD_ERROR = 2;

/**
 * A pipe is reopened for a descriptor of its own, so that a write into a full one returns
 * immediately and other processes that share the pipe are not affected. What cannot be reopened (a
 * socket, a system without /proc) is written through Node's stream. Files and terminals are written
 * by a thread of the pool, which alone waits for a slow disk.
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
