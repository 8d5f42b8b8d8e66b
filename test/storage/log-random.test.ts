/** Random runs of a log against a model: acknowledged records survive, and nothing else appears. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { LogRecord } from '../../src/storage/log/log.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { mustOpen } from './log-life.ts';
import { checkEntries, LogModel, matchPrefix, nothingDamaged } from './log-model.ts';
import { randomRecord, SMALL } from './log-records.ts';

const LIVES = byEffort({ full: 3000, brief: 360 });
const LIVES_PER_DISK = 12;

function live(seed: number): void {
  const random = new Random(seed);
  const files = new MemoryFiles({ sectorBytes: random.pick([512, 4096]) });
  let base = new LogModel();
  let records: LogRecord[] = [];
  let acknowledged = 0;
  for (let nth = 0; nth < LIVES_PER_DISK; nth++) {
    const log = mustOpen(files, { seed: random.word() });
    const model = matchPrefix(log, { base, records, acknowledged });
    for (const shard of log.shards) {
      const replica = log.replica(shard);
      assert.ok(replica !== undefined && nothingDamaged(replica), `shard ${shard} is damaged`);
    }
    checkEntries(log, model);
    assert.deepEqual([log.damage, log.quarantined], [[], []]);
    base = model.copy();
    records = [];
    acknowledged = 0;
    files.dieAt = files.effects + random.below(120);
    const ahead = model;
    for (let turn = random.below(60); turn > 0 && !files.isDead; turn--) {
      const turnRecords: LogRecord[] = [];
      for (let count = random.below(4); count > 0; count--) {
        const record = randomRecord(ahead, random, SMALL);
        turnRecords.push(record);
        records.push(record);
      }
      const through = records.length;
      log.append(turnRecords, () => {
        assert.ok(through >= acknowledged, 'callbacks come in order');
        acknowledged = through;
      });
      if (random.chance(0.2)) log.idle();
      for (let step = random.below(6); step > 0; step--) files.step();
    }
    if (random.chance(0.3)) files.settle();
    if (random.chance(0.2)) files.kill();
    else files.crash(random);
  }
}

test(`${LIVES} lives with crashes keep a prefix that holds all that was acknowledged`, () => {
  for (let seed = 1; seed <= LIVES / LIVES_PER_DISK; seed++) {
    try {
      live(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    }
  }
});
