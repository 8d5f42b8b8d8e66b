/** A process is killed, and the power fails while the next one starts on the remaining files. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { LogRecord } from '../../src/storage/log/log.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { mustOpen, openNow } from './log-life.ts';
import { checkEntries, LogModel, matchPrefix } from './log-model.ts';

const SUBSETS = byEffort({ full: 3, brief: 1 });
const RECORDS: readonly LogRecord[] = [
  CREATION,
  writing([command(1, 1, 'a'), command(2, 1, 'b')]),
  writing([command(3, 2, 'c')]),
];

/** A run that ends at an effect; returns the number of acknowledged records. */
function live(files: MemoryFiles, dieAt: number, records: readonly LogRecord[]): number {
  files.dieAt = files.effects + dieAt;
  const opened = openNow(files, { seed: 1 + dieAt });
  let acknowledged = 0;
  if (opened.type === 'refused') {
    assert.ok(files.isDead, opened.text);
    return acknowledged;
  }
  for (const record of records) {
    opened.log.append([record], () => {
      acknowledged += 1;
    });
    files.settle();
  }
  return acknowledged;
}

function effectsOf(files: MemoryFiles, records: readonly LogRecord[]): number {
  const before = files.effects;
  live(files, Number.POSITIVE_INFINITY, records);
  return files.effects - before;
}

test('files that a killed process left in the page cache are made durable first', () => {
  const whole = new MemoryFiles();
  const first = effectsOf(whole, RECORDS);
  whole.kill();
  const second = effectsOf(whole, []);
  let deaths = 0;
  for (let one = 0; one <= first; one++) {
    for (let other = 0; other <= second; other++) {
      for (let subset = 0; subset < SUBSETS; subset++) {
        const files = new MemoryFiles();
        const acknowledged = live(files, one, RECORDS);
        files.kill();
        live(files, other, []);
        files.crash(new Random(one * 1000 + other * 10 + subset));
        try {
          const log = mustOpen(files, { seed: 99 });
          const base = new LogModel();
          checkEntries(log, matchPrefix(log, { base, records: RECORDS, acknowledged }));
          assert.deepEqual([log.damage, log.quarantined], [[], []]);
        } catch (error) {
          const text = error instanceof Error ? error.stack : error;
          throw new Error(`killed at ${one}, power lost at ${other}, subset ${subset}: ${text}`);
        }
        deaths += 1;
      }
    }
  }
  assert.ok(deaths > SUBSETS * 334, `${deaths} deaths`);
});
