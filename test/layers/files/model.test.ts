/** Random calls of `ringkv/files` on a cluster with faults, compared with a map after each one. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import { type FileSystem, openFiles } from '../../../src/files.ts';
import { type Client, isKvError } from '../../../src/index.ts';
import { type Testkit, testkit } from '../../../src/testkit.ts';
import { type Call, callOf, dumpOf, Model } from './model.ts';
import { orphansOf } from './support.ts';

const KIB = 1024;
const TERMS = { chunkBytes: KIB, retain: 0 };
const LATE = 11 * 60_000;

/** In the root, or in what may be a folder. */
function anyPathFrom(random: Random, existing: readonly string[]): string {
  const name = 'abcd'.charAt(random.below(4));
  const known = existing[random.below(Math.max(1, existing.length))];
  return known === undefined || random.chance(0.4) ? `/${name}` : `${known}/${name}`;
}

function pathFrom(random: Random, existing: readonly string[]): string {
  const known = existing[random.below(Math.max(1, existing.length))];
  return known === undefined || random.chance(0.4) ? anyPathFrom(random, existing) : known;
}

/** Few different chunks, so that files share them. */
function bytesFrom(random: Random): Uint8Array {
  const size = random.chance(0.3) ? random.below(KIB) : random.below(6 * KIB);
  const kind = random.below(3);
  return Uint8Array.from({ length: size }, (_, at) => (kind === 0 ? 0 : (at % KIB) * kind) % 256);
}

const KINDS = [
  'write',
  'create',
  'append',
  'truncate',
  'mkdir',
  'mkdir',
  'rm',
  'rename',
  'rename',
  'copy',
];

function callFrom(random: Random, existing: readonly string[]): Call {
  const type = KINDS[random.below(KINDS.length)];
  const path = pathFrom(random, existing);
  const other = anyPathFrom(random, existing);
  const recursive = random.chance(0.5);
  if (type === 'truncate') return { type, path, size: random.below(5 * KIB) };
  if (type === 'rename' || type === 'copy') return { type, path, to: other };
  if (type === 'rm') return { type, path, recursive };
  if (type === 'mkdir') return { type, path: other, recursive };
  if (type === 'create') return { type, path: other, bytes: bytesFrom(random) };
  return { type: type === 'append' ? type : 'write', path, bytes: bytesFrom(random) };
}

interface Opener {
  readonly kv: Client;
  readonly fs: FileSystem;
}

/** One call, with a fault while it is open: what it returns, or the failure of the store. */
async function callWithFault(kit: Testkit, { kv, fs }: Opener, call: Call, random: Random) {
  const isFaulty = random.chance(0.4);
  const doing = callOf(fs, call).catch((error: unknown) => {
    if (isKvError(error)) return error;
    throw error;
  });
  if (isFaulty) {
    await kit.clock.advance(random.below(40));
    const node = random.below(4);
    if (node > 0) kit.faults.crash(node);
    else kit.faults.cut(kv);
    // Longer than a hasty call waits for its answer.
    if (node === 0) await kit.clock.advance(600);
    if (node === 0) kit.faults.heal();
  }
  const result = await doing;
  kit.faults.heal();
  return result;
}

async function openerOf(kv: Client): Promise<Opener> {
  return { kv, fs: await openFiles(kv, TERMS) };
}

async function runCalls(seed: number, calls: number): Promise<void> {
  const kit = await testkit({ nodes: 3, shards: 4, seed });
  const random = new Random(seed);
  // Its calls end before a leader is replaced, so that some outcomes are not known.
  const hasty = await openerOf(await kit.connect({ timeout: 400 }));
  const patient = await openerOf(kit.kv());
  const { fs } = patient;
  let model = new Model();
  let unknown = 0;
  const succeeded = new Set<string>();
  for (let count = 0; count < calls; count++) {
    const call = callFrom(random, model.paths);
    const next = model.clone();
    const expected = next.apply(call);
    const result = await callWithFault(kit, random.chance(0.5) ? hasty : patient, call, random);
    const end = isKvError(result) ? `${result.code} ${result.outcome}` : result;
    const told = `seed ${seed} call ${count}: ${call.type} ${call.path}: ${end}`;
    if (!isKvError(result)) {
      deepEqual(result, expected, told);
      model = next;
      if (result === 'done') succeeded.add(call.type);
    } else if (result.outcome === 'unknown') {
      unknown += 1;
      // It may still take effect until the deadline of its last attempt, by the time of its shard.
      await kit.clock.advance(5000);
      const lines = await dumpOf(fs);
      const isDone = lines.join('\n') === next.lines.join('\n');
      if (isDone) model = next;
    }
    if (count % 4 === 0 || isKvError(result)) deepEqual(await dumpOf(fs), model.lines, told);
    if (random.chance(0.05)) await fs.collect({ everything: true });
  }
  deepEqual(await dumpOf(fs), model.lines);
  ok(unknown < calls / 2, `${unknown} outcomes are not known`);
  ok(succeeded.size > 4, `only ${[...succeeded]} succeeded`);
  // A first batch that arrived when its writer had given up hangs on the lease of its opener.
  await hasty.fs.close();
  await fs.close();
  await kit.clock.advance(2000);
  await fs.collect();
  await kit.clock.advance(LATE);
  await fs.collect();
  deepEqual(await orphansOf(kit.kv()), []);
  await kit.close();
}

for (const seed of [1, 2]) {
  test(`a tree and its files are those of a map, under crashes and cuts: seed ${seed}`, () =>
    runCalls(seed, 70));
}
