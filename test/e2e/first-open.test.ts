/** A process is killed while it opens its folder for the first time; the next start opens it. */

import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/base/random.ts';
import { open } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const CHILD = fileURLToPath(new URL('./first-open-child.js', import.meta.url));
const LANES = 3;
const CALLS_MAX = 1000;
/** Every other call; a longer run with 1 checks the calls in between too. */
const STEP = 2;
const KILLS = 16;

type Life = ReturnType<typeof begin>;

function begin(folder: string, call: number) {
  const process_ = spawn(process.execPath, [CHILD, folder, `${call}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const life = { process: process_, said: '', isOver: once(process_, 'close') };
  process_.stdout.setEncoding('utf8').on('data', (text: string) => {
    life.said += text;
  });
  return life;
}

/** Every acknowledged write is there, and the folder works as any other. */
async function check(folder: string, { said }: Life, what: string): Promise<void> {
  const kv = await open(folder).catch((error) => {
    throw new Error(`${what}: ${error}`);
  });
  const found = (await kv.get('key'))?.value;
  ok(found === 'value' || (found === undefined && !said.includes('acked')), what);
  await kv.set('key', 'another');
  await kv.close();
  rmSync(folder, { recursive: true });
}

/** Numbers of calls from the first on, in lanes, until a process ends without being killed. */
async function dieAtEach(root: string): Promise<number> {
  let next = 1;
  let isWhole = false;
  const lane = async () => {
    while (!isWhole && next < CALLS_MAX) {
      const call = next;
      next += STEP;
      const folder = join(root, `${call}`);
      const life = begin(folder, call);
      await life.isOver;
      if (life.said.includes('calls')) isWhole = true;
      await check(folder, life, `killed at call ${call}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return next - STEP;
}

test('a kill at any call of a first open leaves a folder that opens', async (context) => {
  const calls = await dieAtEach(temporaryFolder());
  context.diagnostic(`${calls} calls`);
  ok(calls > 40 && calls < CALLS_MAX, `${calls} calls`);
});

test('a kill at any moment while LevelDB creates its store leaves one that opens', async () => {
  const random = new Random(7);
  const root = temporaryFolder();
  let early = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const folder = join(root, `${kill}`);
    const life = begin(folder, 0);
    const place = random.pick(['state', 'lock']);
    while (!existsSync(join(folder, place))) await turn();
    const microseconds = random.below(4000);
    if (microseconds > 1000) await pause(microseconds / 1000);
    life.process.kill('SIGKILL');
    await life.isOver;
    if (!life.said.includes('acked')) early += 1;
    await check(folder, life, `killed ${microseconds} µs after ${place} came`);
  }
  ok(early > 0, 'some die before anything was acknowledged');
  equal(early <= KILLS, true);
});
