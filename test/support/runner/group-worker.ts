/**
 * Inside of a group's process: runs files of tests one after the other. An empty test stands before
 * each file and behind the last, so that the runner sees to which file a test belongs, and which
 * file was running when the process ended.
 */

import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BEGINNING, ENDING } from './group-marks.ts';

export interface GroupedFile {
  readonly path: string;
  /** Where the built file is. */
  readonly address: string;
}

export async function runFiles(files: readonly GroupedFile[]): Promise<void> {
  for (const { path, address } of files) {
    // It ends when all tests before it have ended, and when they have been reported.
    await test(BEGINNING + path, () => turn());
    await turn();
    try {
      await import(address);
    } catch (error) {
      test(`${path} is imported`, () => {
        throw error;
      });
    }
  }
  await test(ENDING, () => {});
}
