/** Several clients of one tree at a time: one order of all calls, and no file that is a mixture. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import { type FileSystem, FilesError, openFiles } from '../../../src/files.ts';
import { isKvError } from '../../../src/index.ts';
import { testkit } from '../../../src/testkit.ts';
import { orphansOf } from './support.ts';

const KIB = 1024;
const TERMS = { chunkBytes: KIB, retain: 0 };
const LATE = 11 * 60_000;

async function openers(count: number, { nodes = 1 as 1 | 3 } = {}) {
  const kit = await testkit({ shards: 4, nodes });
  const systems: FileSystem[] = [await openFiles(kit.kv(), TERMS)];
  while (systems.length < count) systems.push(await openFiles(await kit.connect(), TERMS));
  const [first] = systems;
  ok(first);
  return { kit, first, systems };
}

/** A file of one kind: each byte says which one it is, and how long it is. */
function uniform(kind: number): Uint8Array {
  return new Uint8Array((kind + 1) * 700).fill(kind);
}

function checkUniform(bytes: Uint8Array): void {
  const [kind = 0] = bytes;
  deepEqual([bytes.length, bytes.every((byte) => byte === kind)], [(kind + 1) * 700, true]);
}

async function settled(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof FilesError || isKvError(error)) return error.code;
    throw error;
  }
}

test('of two renames that would make a cycle of folders one is refused', async () => {
  const { kit, first, systems } = await openers(2);
  const [, second = first] = systems;
  for (let round = 0; round < 6; round++) {
    const [a, b] = [`/a${round}`, `/b${round}`];
    await first.mkdir(`${a}/x`, { recursive: true });
    await first.mkdir(`${b}/y`, { recursive: true });
    const results = await Promise.all([
      settled(first.rename(a, `${b}/y/a`)),
      settled(second.rename(b, `${a}/x/b`)),
    ]);
    deepEqual(results.sort(), ['ENOENT', 'done']);
  }
  await kit.close();
});

test('a folder that is removed has no file that was written meanwhile', async () => {
  const { kit, first, systems } = await openers(2);
  const [, second = first] = systems;
  const outcomes = new Set<string>();
  // The removal begins so many milliseconds behind the writing, or before it.
  for (let lead = -6; lead <= 6; lead++) {
    const folder = `/${lead}`;
    await first.mkdir(folder);
    const write = () => settled(second.writeFile(`${folder}/file`, uniform(0)));
    const remove = () => settled(first.rm(folder));
    const [begun, other] = lead < 0 ? [remove, write] : [write, remove];
    const beginning = begun();
    await kit.clock.advance(Math.abs(lead));
    const results = await Promise.all([beginning, other()]);
    const [removal, writing] = lead < 0 ? results : results.reverse();
    outcomes.add(`${removal} ${writing}`);
  }
  deepEqual([...outcomes].sort(), ['ENOTEMPTY done', 'done ENOENT']);
  await first.collect();
  deepEqual(await orphansOf(kit.kv()), []);
  await kit.close();
});

test('of several exclusive writers one succeeds, and a moved file is in one place', async () => {
  const { kit, first, systems } = await openers(3);
  const created = await Promise.all(
    systems.map((fs, at) => settled(fs.writeFile('/new', uniform(at), { exclusive: true }))),
  );
  deepEqual(created.sort(), ['EEXIST', 'EEXIST', 'done']);
  for (const name of ['x', 'y', 'z']) await first.mkdir(`/${name}`);
  await first.rename('/new', '/x/token');
  const random = new Random(5);
  const move = async (fs: FileSystem) => {
    for (let count = 0; count < 15; count++) {
      const [from, to] = [random, random].map((one) => 'xyz'.charAt(one.below(3)));
      await settled(fs.rename(`/${from}/token`, `/${to}/token`));
    }
  };
  await Promise.all(systems.map(move));
  const places = await Promise.all(
    ['x', 'y', 'z'].map((one) => settled(first.stat(`/${one}/token`))),
  );
  deepEqual(places.sort(), ['ENOENT', 'ENOENT', 'done']);
  await kit.close();
});

test('a chunk that is collected while another file takes it is there', async () => {
  const { kit, first, systems } = await openers(2);
  const [, second = first] = systems;
  let collected = 0;
  // The collection begins so many milliseconds behind the writing, or before it.
  for (let lead = -12; lead <= 12; lead++) {
    const bytes = Buffer.concat(
      Array.from({ length: 12 }, (_, at) => Buffer.alloc(KIB, `${lead} ${at} `)),
    );
    await first.writeFile('/old', bytes);
    await first.rm('/old');
    const write = () => second.writeFile('/new', bytes);
    const collect = async () => {
      collected += (await first.collect()).chunks;
    };
    const [begun, other] = lead < 0 ? [collect, write] : [write, collect];
    const beginning = begun();
    await kit.clock.advance(Math.abs(lead));
    await Promise.all([beginning, other()]);
    deepEqual(Buffer.from(await first.readFile('/new')), bytes, `lead ${lead}`);
    await second.rm('/new');
    await first.collect();
    equal(await kit.kv().count({ prefix: 'files:main:chunk:' }), 0, `lead ${lead}`);
  }
  ok(
    collected > 20 && collected < 280,
    `${collected} chunks were collected before they were taken`,
  );
  equal(await kit.kv().count(), 0);
  await kit.close();
});

const PATHS = ['/a', '/b', '/a/x', '/a/y', '/b/x', '/b/y'];

/** A random call, of which no result but a whole file is expected. */
async function anyCall(fs: FileSystem, random: Random): Promise<void> {
  const [path = '', to = ''] = [random, random].map((one) => PATHS[one.below(PATHS.length)]);
  const bytes = uniform(random.below(8));
  switch (random.below(9)) {
    case 0:
      return fs.mkdir(path);
    case 1:
    case 2:
      return fs.rename(path, to);
    case 3:
      return fs.copy(path, to);
    case 4:
      return fs.rm(path, { recursive: random.chance(0.5) });
    case 5:
      return void (await fs.collect({ everything: true }));
    case 6:
      return checkUniform(await fs.readFile(path));
    default:
      return fs.writeFile(path, bytes);
  }
}

test('files are whole, and nothing is left behind, whatever happens at a time', async () => {
  const { kit, first, systems } = await openers(3, { nodes: 3 });
  const counts = new Map<string, number>();
  for (let round = 0; round < 15; round++) {
    for (const folder of ['/a', '/b']) await settled(first.mkdir(folder));
    const working = systems.map(async (fs, at) => {
      const random = new Random(round * 10 + at);
      for (let count = 0; count < 3; count++) {
        const result = await settled(anyCall(fs, random));
        counts.set(result, (counts.get(result) ?? 0) + 1);
      }
    });
    if (round % 5 === 4) await kit.faults.crashLeader(`round ${round}`);
    await Promise.all(working);
    kit.faults.heal();
  }
  ok((counts.get('done') ?? 0) > 30, JSON.stringify([...counts]));
  equal(counts.get('EIO'), undefined);
  for (const path of PATHS) {
    const bytes = await first.readFile(path).catch(() => undefined);
    if (bytes !== undefined) checkUniform(bytes);
  }
  await kit.clock.advance(LATE);
  await first.collect();
  deepEqual(await orphansOf(kit.kv()), []);
  await kit.close();
});
