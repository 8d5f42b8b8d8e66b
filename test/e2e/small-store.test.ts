/** What a small embedded store takes of a real disk, and of a processor when it is opened. */

import { ok } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '../storage/temporary.ts';

const CHILD = fileURLToPath(new URL('small-store-child.js', import.meta.url));
const MIB = 1024 * 1024;
const BLOCK_BYTES = 512;
/** Between one open and the next, LevelDB may not have merged its last small tables. */
const NOISE_BYTES = MIB / 2;
/** It is 0.1 to 0.25, and 0.7 if 20 000 writes in the log have to be applied again. */
const OPENING_MAX = 0.45;

/** As `du` counts: blocks, not lengths. */
function bytesOnDisk(path: string): number {
  const about = lstatSync(path);
  const own = about.blocks * BLOCK_BYTES;
  if (!about.isDirectory()) return own;
  return readdirSync(path).reduce((sum, name) => sum + bytesOnDisk(join(path, name)), own);
}

interface Life {
  /** Processor time, as a share of what loading the code takes. */
  readonly opening: number;
  readonly bytes: number;
}

async function liveIn(folder: string, writes = 0, bytes = 100): Promise<Life> {
  const args = [CHILD, folder, `${writes}`, `${bytes}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return { opening: Number(stdout), bytes: bytesOnDisk(folder) };
}

async function livesIn(folder: string, count: number): Promise<readonly Life[]> {
  const lives: Life[] = [];
  for (let life = 0; life < count; life++) lives.push(await liveIn(folder));
  return lives;
}

test('a small store takes little, and no more by being opened again', async (context) => {
  const folder = join(temporaryFolder(), 'data');
  const first = await liveIn(folder, 1000);
  const lives = await livesIn(folder, 6);
  const opening = Math.min(...lives.map(({ opening }) => opening));
  const sizes = lives.map(({ bytes }) => bytes);
  context.diagnostic(
    `opening takes ${opening} of loading; ${first.bytes}, then ${sizes.join(' ')} bytes`,
  );
  ok(Math.max(first.bytes, ...sizes) < 16 * MIB);
  // A segment more or less depends on which entries the last life but one has left.
  const [early, late] = [Math.max(...sizes.slice(0, 3)), Math.max(...sizes.slice(3))];
  ok(late <= early + NOISE_BYTES, `${late} bytes after ${early}`);
  ok(opening < OPENING_MAX, `at best opening takes ${opening} of loading`);
});

test('a short life leaves the next one little to apply', async (context) => {
  const folder = join(temporaryFolder(), 'data');
  await liveIn(folder, 20_000);
  const lives = await livesIn(folder, 3);
  const opening = Math.min(...lives.map(({ opening }) => opening));
  context.diagnostic(`opening takes ${opening} of loading`);
  ok(opening < OPENING_MAX, `at best opening takes ${opening} of loading`);
});

test('a store that wrote much once does not stay large', async (context) => {
  const folder = join(temporaryFolder(), 'data');
  const large = await liveIn(folder, 40_000, 1000);
  const lives = await livesIn(folder, 4);
  const bytes = lives.at(-1)?.bytes ?? 0;
  context.diagnostic(`${large.bytes} bytes, then ${bytes}`);
  ok(bytes < 16 * MIB, `${bytes} bytes`);
});
