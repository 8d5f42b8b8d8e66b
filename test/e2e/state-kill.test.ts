/** A process is killed again and again; the store is always exactly at a checkpoint. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { openLevelState } from '../../src/storage/state/level-state.ts';
import { entryWrites, SHARDS } from '../storage/state-entries.ts';
import { named, ShardModel } from '../storage/state-model.ts';
import { LevelMedium, StateRig } from '../storage/state-rig.ts';

const KILLS = 60;
const WRITER = fileURLToPath(new URL('./state-writer.js', import.meta.url));

/** Starts a writer, kills it some time later, and returns what it had reported by then. */
async function killed(folder: string, milliseconds: number): Promise<Map<ShardId, number>> {
  const child = spawn(process.execPath, [WRITER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), milliseconds);
    said += text;
  });
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [null, 'SIGKILL'], said);
  const reported = new Map<ShardId, number>();
  const whole = said.slice(0, said.lastIndexOf('\n'));
  for (const [, shard, index] of whole.matchAll(/(\d+):(\d+)/g)) {
    reported.set(Number(shard) as ShardId, Number(index));
  }
  return reported;
}

function advance(model: ShardModel): void {
  model.apply(entryWrites(model.shard, model.index + 1));
  model.forget();
}

test(`after each of ${KILLS} kills the store is at its last checkpoint`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-state-kill-'));
  const random = new Random(11);
  const models = SHARDS.map((shard) => new ShardModel(shard));
  const medium = new LevelMedium();
  let unreported = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const reported = await killed(folder, random.below(60));
    const rig = new StateRig(medium);
    const fail = (cause: unknown) => assert.fail(String(cause));
    rig.openOn(await openLevelState({ folder, onFault: fail, onDamage: fail }));
    for (const model of models) {
      const { index } = rig.store.description(model.shard);
      const least = reported.get(model.shard) ?? 0;
      assert.ok(index >= least, `shard ${model.shard} is at ${index}, reported was ${least}`);
      if (index > least) unreported += 1;
      while (model.index < index) advance(model);
      const rows: string[] = [];
      for (const section of [0, 1, 2]) {
        rows.push(...named(section, await rig.scanNow({ section }, model.shard)));
      }
      assert.deepEqual(rows, model.content);
      assert.ok(rig.store.hash(model.shard), 'the hash is known');
    }
    await rig.close();
  }
  t.diagnostic(`entries ${models.map(({ index }) => index)}, ahead of the report ${unreported}`);
  medium.dispose();
  rmSync(folder, { recursive: true });
});
