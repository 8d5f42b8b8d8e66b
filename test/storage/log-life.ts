/**
 * A log under test on files in memory: opened, written to, ended in every way, and opened again.
 */

import assert from 'node:assert/strict';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Files } from '../../src/storage/files/files.ts';
import type { LogLimits } from '../../src/storage/limits.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { type Opened, openLog } from '../../src/storage/log/log-boot.ts';
import type { Keyring } from '../../src/storage/sealing/keyring.ts';
import type { MemoryFiles } from '../support/twins/memory-files.ts';

export const TINY: LogLimits = {
  segmentBytesMin: 16_384,
  segmentBytes: 16_384,
  batchBytesMax: 3072,
  cacheBytesMax: 1500,
  sparesMin: 2,
  sparesMax: 3,
  segmentsMin: 3,
  moveBytesMax: 512,
  readBytesMax: 2048,
  lowBytesMin: 1,
  lowBytesMax: 1,
  fullBytesMin: 1,
  fullBytesMax: 1,
  reserveBytesMax: 1,
  reservePieceBytes: 1,
};

export const OWNER = { cluster: 'a-cluster', node: 1 as NodeId };

export interface LifeOptions {
  readonly seed?: number;
  readonly limits?: LogLimits;
  readonly isNew?: boolean;
  readonly onFault?: (line: string) => void;
  readonly keyring?: Keyring | undefined;
}

export function open(files: Files, options: LifeOptions, done: (opened: Opened) => void): void {
  const { seed = 1, limits = TINY, isNew = true, onFault, keyring } = options;
  let clock = 0;
  openLog(
    {
      files,
      owner: OWNER,
      isNew,
      limits,
      random: new Random(seed),
      keyring,
      // Every reading of the clock advances it, so that regular work is due each time.
      now: () => {
        clock += 1000;
        return clock;
      },
      onFault: onFault ?? ((line) => assert.fail(line)),
    },
    done,
  );
}

/** Opens within the call: files in memory complete on request. */
export function openNow(files: MemoryFiles, options: LifeOptions = {}): Opened {
  let result: Opened | undefined;
  open(files, options, (opened) => {
    result = opened;
  });
  while (result === undefined && files.step());
  return result ?? { type: 'refused', text: 'the log did not open' };
}

export function mustOpen(files: MemoryFiles, options: LifeOptions = {}): Log {
  const opened = openNow(files, options);
  if (opened.type === 'refused') assert.fail(opened.text);
  return opened.log;
}

/** Appends and waits for the disk. */
export function appendNow(files: MemoryFiles, log: Log, records: readonly LogRecord[]): void {
  let isDurable = false;
  log.append(records, () => {
    isDurable = true;
  });
  files.settle();
  assert.ok(isDurable, 'what was appended is durable');
}

/** Confirms the last batch. */
export function rest(files: MemoryFiles, log: Log): void {
  for (let tick = 0; tick < 4; tick++) {
    log.idle();
    files.settle();
  }
}
