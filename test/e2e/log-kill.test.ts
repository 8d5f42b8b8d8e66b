/** A writing process is killed again and again: everything that it reported as durable is there. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/base/random.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const KILLS = 208;
/** Each on a folder of its own. */
const LANES = 4;
const WRITER = fileURLToPath(new URL('./log-writer.js', import.meta.url));

interface Lane {
  readonly folder: string;
  readonly random: Random;
  readonly acked: Map<number, number>;
  opened: number;
}

/** One life: started, killed at a random moment, its output read to the end. */
async function live({ folder, random, acked }: Lane): Promise<string> {
  const told = JSON.stringify([...acked]);
  const child = spawn(process.execPath, [WRITER, folder, `${random.word()}`, told]);
  let output = '';
  let isArmed = false;
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  };
  // Most are killed while they write, some while they open.
  if (random.chance(0.2)) setTimeout(kill, random.between(30, 80));
  child.stdout.on('data', (piece) => {
    output += piece;
    if (isArmed || !output.includes('open\n')) return;
    isArmed = true;
    setTimeout(kill, random.below(40));
  });
  child.stderr.on('data', (piece) => {
    output += `wrong ${piece}\n`;
  });
  return new Promise((resolve) => child.on('close', () => resolve(output)));
}

async function drive(lane: Lane, lives: number): Promise<void> {
  for (let life = 0; life < lives; life++) {
    const output = await live(lane);
    assert.doesNotMatch(output, /wrong/, `life ${life} of ${lane.folder}`);
    if (output.includes('open\n')) lane.opened += 1;
    // The last line may be incomplete.
    for (const [, shard, index] of output.matchAll(/^acked (\d+) (\d+)\n/gm)) {
      lane.acked.set(Number(shard), Number(index));
    }
  }
}

test(`a writer that is killed ${KILLS} times loses no acknowledged entry`, async () => {
  const lanes = Array.from({ length: LANES }, (_, nth): Lane => {
    const random = new Random(1000 + nth);
    return { folder: temporaryFolder(), random, acked: new Map(), opened: 0 };
  });
  await Promise.all(lanes.map((lane) => drive(lane, KILLS / LANES)));
  const opened = lanes.reduce((sum, lane) => sum + lane.opened, 0);
  const acked = lanes.flatMap((lane) => [...lane.acked.values()]);
  const entries = acked.reduce((sum, index) => sum + index, 0);
  console.log(`${KILLS} kills, ${opened} of them while writing, ${entries} entries acknowledged`);
  assert.ok(opened > KILLS / 2 && entries > KILLS, 'the writers wrote');
});
