/** Random runs on a failing disk: errors, no space, bit rot, lost and misdirected writes. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { decodeHardStates, HARD_STATE_FILES } from '../../src/storage/log/hard-state.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { vaultOf } from '../support/twins/vault.ts';
import { mustOpen, openNow, TINY } from './log-life.ts';
import { checkEntries, digestOf, LogModel, matchPrefix, type ReplicaModel } from './log-model.ts';
import { randomRecord, SMALL } from './log-records.ts';

const NO_BYTES = new Uint8Array(0);
const TASTE = { ...SMALL, payloadBytesMax: 400 };
const DISKS = byEffort({ full: 250, brief: 30 });
const IMAGES = byEffort({ full: 600, brief: 60 });
const LIVES_PER_DISK = 8;

interface History {
  base: LogModel;
  records: LogRecord[];
  acknowledged: number;
}

/** Writes until a crash or a fault, which ends the incarnation. */
function write(
  log: Log,
  files: MemoryFiles,
  history: History,
  scene: {
    readonly random: Random;
    readonly model: LogModel;
    readonly hasFailed: () => boolean;
  },
): void {
  const { random, model } = scene;
  for (let turn = random.between(5, 50); turn > 0 && !files.isDead; turn--) {
    const records = Array.from({ length: random.below(4) }, () => {
      return randomRecord(model, random, TASTE);
    });
    history.records.push(...records);
    const through = history.records.length;
    log.append(records, () => {
      assert.ok(!scene.hasFailed(), 'nothing is acknowledged after a fault');
      history.acknowledged = through;
    });
    if (random.chance(0.3)) log.idle();
    for (let step = random.below(8); step > 0; step--) files.step();
  }
  if (random.chance(0.5)) files.settle();
}

test('disks that refuse writes, syncs and space lose nothing that was acknowledged', () => {
  let faults = 0;
  let shortages = 0;
  for (let seed = 1; seed <= DISKS; seed++) {
    const random = new Random(seed);
    const files = new MemoryFiles();
    const history: History = { base: new LogModel(), records: [], acknowledged: 0 };
    const vault = vaultOf(random.fork('sealing'));
    for (let life = 0; life < LIVES_PER_DISK; life++) {
      files.heal();
      files.capacity = Number.POSITIVE_INFINITY;
      let hasFailed = false;
      const onFault = () => {
        assert.ok(!hasFailed, 'a fault is told once');
        hasFailed = true;
        faults += 1;
      };
      const log = mustOpen(files, { seed: random.word(), onFault, keyring: vault?.open() });
      const model = matchPrefix(log, history);
      checkEntries(log, model);
      assert.deepEqual([log.damage, log.quarantined], [[], []], `seed ${seed}, life ${life}`);
      history.base = model.copy();
      history.records = [];
      history.acknowledged = 0;
      const on = random.pick(['write', 'sync', 'create', 'rename', 'folder', 'none'] as const);
      const times = random.pick([1, 1000]);
      if (on !== 'none' && random.chance(0.6)) files.plan({ on, errno: 'EIO' }, { times });
      const size = [...files.image().values()].reduce((sum, bytes) => sum + bytes.length, 0);
      if (random.chance(0.4)) files.capacity = size + random.below(3) * TINY.segmentBytes;
      write(log, files, history, { random, model, hasFailed: () => hasFailed });
      if (log.fullness === 'read-only') shortages += 1;
      if (random.chance(0.4)) files.kill();
      else files.crash(random);
    }
  }
  console.log(`${DISKS * LIVES_PER_DISK} lives, ${faults} faults, ${shortages} shortages`);
  assert.ok(faults > DISKS * 0.4 && shortages > DISKS * 0.12);
});

/** All that an intact log reports is true; missing entries are named. */
function isHonest(log: Log, model: LogModel): void {
  const quarantined = new Set(log.quarantined.map(({ shard }) => shard));
  for (const shard of model.replicas.keys()) {
    assert.ok(log.shards.includes(shard) || quarantined.has(shard), `shard ${shard} is gone`);
  }
  for (const shard of log.shards) checkReplica(log, shard, model.replicas.get(shard));
  const damaged = new Map(
    log.shards.map((shard) => [shard, new Set(log.replica(shard)?.log.damaged)]),
  );
  checkEntries(log, model, (shard, index) => damaged.get(shard)?.has(index) === true);
}

function checkReplica(log: Log, shard: ShardId, model: ReplicaModel | undefined): void {
  const replica = log.replica(shard);
  assert.ok(replica !== undefined && model !== undefined, `shard ${shard} rose from the dead`);
  assert.equal(replica.log.lastIndex, model.lastIndex);
  assert.deepEqual(replica.log.base, model.base);
  assert.deepEqual(replica.log.runs, model.runs());
  assert.deepEqual(replica.configurations, model.configurations());
  const { term, vote } = replica.hardState;
  const isSame = term === model.hardState.term && vote === model.hardState.vote;
  assert.ok(isSame || !replica.mayVote, 'a forgotten vote is not given again');
}

/**
 * Everything but the newest hard-state copy: without it and the end of the log no file would tell
 * what was lost.
 */
function exposed(files: MemoryFiles): string[] {
  const image = files.image();
  const sequenceOf = (name: string) => decodeHardStates(image.get(name) ?? NO_BYTES)?.sequence ?? 0;
  const [a = '', b = ''] = HARD_STATE_FILES;
  const older = sequenceOf(a) < sequenceOf(b) ? a : b;
  return [...image.keys()].filter((name) => name.endsWith('.log') || name === older);
}

test('any amount of damage at rest is never accepted', () => {
  const outcomes = { refused: 0, opened: 0, hurt: 0 };
  for (let seed = 1; seed <= IMAGES; seed++) {
    const random = new Random(seed);
    const files = new MemoryFiles();
    const model = new LogModel();
    const vault = vaultOf(random.fork('sealing'));
    for (let life = random.between(1, 3); life > 0; life--) {
      const log = mustOpen(files, { seed: random.word(), keyring: vault?.open() });
      for (let turn = random.between(5, 40); turn > 0; turn--) {
        log.append([randomRecord(model, random, SMALL)], () => {});
        files.settle();
      }
      log.close(() => {});
      files.settle();
    }
    const names = exposed(files);
    for (let accident = random.between(1, 8); accident > 0; accident--) {
      const name = random.pick(names);
      const used = (files.image().get(name) ?? NO_BYTES).findLastIndex((byte) => byte > 0);
      const offset = random.below(used + 1);
      if (random.chance(0.8)) files.flip(name, offset, random.below(8));
      else files.spoil(name, offset);
    }
    const opened = openNow(files, { seed: 99, isNew: false, keyring: vault?.open() });
    if (opened.type === 'refused') {
      outcomes.refused += 1;
      continue;
    }
    isHonest(opened.log, model);
    const isHurt = digestOf(opened.log) !== model.digest() || opened.log.damage.length > 0;
    outcomes[isHurt ? 'hurt' : 'opened'] += 1;
  }
  console.log(JSON.stringify(outcomes));
  assert.ok(
    Object.values(outcomes).every((count) => count > IMAGES / 30),
    JSON.stringify(outcomes),
  );
});
