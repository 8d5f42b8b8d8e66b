/** A small file system of its own, where this system permits one. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../storage/temporary.ts';

const PIECE_BYTES = 64 * 1024;

export interface SmallDisk {
  readonly path: string;
  /** Another program takes all space that is left. */
  readonly fill: () => void;
  readonly makeRoom: () => void;
}

/** Undefined, and told, where mounting is not permitted. Gone when the test ends. */
export function smallDisk(context: TestContext, mebibytes: number): SmallDisk | undefined {
  const path = join(temporaryFolder(), 'small');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path], {
      stdio: 'ignore',
    });
  } catch {
    console.error('NOT TESTED: a full disk; mounting a tmpfs takes privileges that are lacking');
    return undefined;
  }
  // Lazily: after a failure a store still has files open.
  context.after(() => execFileSync('umount', ['-l', path]));
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => fillWith(filler),
    makeRoom: () => rmSync(filler, { force: true }),
  };
}

function fillWith(filler: string): void {
  for (let bytes = PIECE_BYTES; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) writeFileSync(filler, new Uint8Array(bytes), { flag: 'a' });
    } catch {
      // What is smaller may still fit.
    }
  }
}
