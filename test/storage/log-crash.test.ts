/**
 * A recorded run of a log that crashes at every single effect, with many outcomes of each crash.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { appendNow, mustOpen, openNow, TINY } from './log-life.ts';
import { checkEntries, LogModel, matchPrefix, nothingDamaged } from './log-model.ts';
import { randomRecord, SMALL } from './log-records.ts';

const SUBSETS = 5;
/** One crash in so many; a prime, so that every part of the run is covered in time. */
const SAMPLED = byEffort({ full: 1, brief: 11 });
const LIMITS = { ...TINY, segmentBytesMin: 12_288, segmentBytes: 12_288, batchBytesMax: 2048 };
const TASTE = { ...SMALL, payloadBytesMax: 300 };

interface Run {
  readonly files: MemoryFiles;
  readonly records: LogRecord[];
  acknowledged: number;
  /** The number of effects at the beginning of each part of the run. */
  readonly parts: Map<string, number>;
}

/** Opens, appends, truncates, lags so that entries are moved, recycles, closes, opens again. */
function perform(dieAt: number): Run {
  const files = new MemoryFiles();
  files.dieAt = dieAt;
  const run: Run = { files, records: [], acknowledged: 0, parts: new Map() };
  const random = new Random(77);
  const model = new LogModel();
  for (let life = 0; life < 2 && !files.isDead; life++) {
    run.parts.set(`open ${life}`, files.effects);
    const opened = openNow(files, { limits: LIMITS, seed: 3 + life });
    if (opened.type === 'refused') {
      assert.ok(files.isDead, opened.text);
      return run;
    }
    run.parts.set(`write ${life}`, files.effects);
    for (let turn = 0; turn < 14 && !files.isDead; turn++) {
      const records = Array.from({ length: 3 }, () => lagging(model, random));
      append(run, opened.log, records);
    }
    run.parts.set(`close ${life}`, files.effects);
    opened.log.close(() => {});
    files.settle();
  }
  return run;
}

/** Shard 0 forgets no entry, so its entries are moved from segment to segment. */
function lagging(model: LogModel, random: Random): LogRecord {
  for (;;) {
    const ahead = model.copy();
    const record = randomRecord(ahead, random, TASTE);
    const isLag =
      'shard' in record && record.shard === 0 && ['forget', 'remove'].includes(record.type);
    if (isLag) continue;
    model.take(record);
    return record;
  }
}

function append(run: Run, log: Log, records: readonly LogRecord[]): void {
  run.records.push(...records);
  const through = run.records.length;
  log.append(records, () => {
    run.acknowledged = through;
  });
  log.idle();
  run.files.settle();
  log.idle();
  run.files.settle();
}

function verify({ files, records, acknowledged }: Run): void {
  const log = mustOpen(files, { limits: LIMITS, seed: 9 });
  const model = matchPrefix(log, { base: new LogModel(), records, acknowledged });
  checkEntries(log, model);
  for (const shard of log.shards) {
    const replica = log.replica(shard);
    assert.ok(replica !== undefined && nothingDamaged(replica));
  }
  assert.deepEqual([log.damage, log.quarantined], [[], []]);
  const more = randomRecord(model, new Random(5), { ...TASTE, shards: 1 });
  appendNow(files, log, [more]);
  files.crash(new Random(6));
  const again = mustOpen(files, { limits: LIMITS, seed: 10 });
  matchPrefix(again, { base: model, records: [], acknowledged: 0 });
  checkEntries(again, model);
}

test('a crash at any effect of a run keeps acknowledged records, whatever the disk kept', () => {
  const whole = perform(Number.POSITIVE_INFINITY);
  const effects = whole.files.effects;
  const log = mustOpen(whole.files, { limits: LIMITS });
  assert.ok(effects > 150, `${effects} effects`);
  assert.ok(log.shards.includes(0 as ShardId));
  let deaths = 0;
  for (let dieAt = 0; dieAt <= effects; dieAt += SAMPLED) {
    for (let subset = 0; subset <= SUBSETS; subset++) {
      const run = perform(dieAt);
      if (subset === 0) run.files.kill();
      else run.files.crash(new Random(dieAt * 100 + subset));
      try {
        verify(run);
      } catch (error) {
        const part = [...run.parts].findLast(([, from]) => from <= dieAt)?.[0];
        const text = error instanceof Error ? error.stack : error;
        throw new Error(`effect ${dieAt} (${part}), subset ${subset}: ${text}`);
      }
      deaths += 1;
    }
  }
  console.log(`${effects} effects, ${deaths} deaths`);
});

test('the recorded run moves entries, switches and recycles segments', () => {
  const files = new MemoryFiles();
  const random = new Random(77);
  const model = new LogModel();
  const log = mustOpen(files, { limits: LIMITS });
  for (let turn = 0; turn < 40; turn++) {
    appendNow(files, log, [lagging(model, random), lagging(model, random)]);
    log.idle();
    // An entry that is being moved can still be read.
    do checkEntries(log, model);
    while (files.step());
  }
  const { movedBytes, segments, batches } = log.metrics();
  assert.ok(movedBytes > 0, 'entries were moved');
  assert.ok(segments <= 2 * Math.ceil(log.metrics().liveBytes / LIMITS.segmentBytes) + 4);
  assert.ok(batches > 40);
  checkEntries(log, model);
});
