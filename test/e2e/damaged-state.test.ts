/** Damage to the state store of a node: found before it is served, and repaired if possible. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { Random } from '../../src/base/random.ts';
import { open } from '../../src/index.ts';
import { change, filesOf, flip } from '../storage/level-folder.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { expected, readStore, type StoreSeen } from './read-store.ts';

const READER = fileURLToPath(new URL('./store-reader.js', import.meta.url));
const LONG = { timeout: 180_000 };
const ROWS = 1000;
const FLIPS = Number(process.env.RINGKV_FLIPS ?? 12);

type Seen = Omit<StoreSeen, 'outcome'> & { readonly outcome: StoreSeen['outcome'] | 'ended' };

/** In a process of its own, because LevelDB may end its process. */
function read(folder: string): Seen {
  const child = spawnSync(process.execPath, [READER, folder, `${ROWS}`], { encoding: 'utf8' });
  if (child.status === 0) return JSON.parse(child.stdout) as StoreSeen;
  const message = `${child.signal ?? child.status} ${child.stderr.slice(0, 1000)}`;
  return { outcome: 'ended', code: '', message, wrong: [], failed: [] };
}

/** Every row in an older table, each second one again in a newer one, and each tenth deleted. */
async function fill(folder: string): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, at) => at);
  const padding = 'x'.repeat(100);
  let kv = await open(folder);
  await Promise.all(rows.map((at) => kv.set(['k', at], { text: `old ${at}`, padding })));
  await checkpoint(folder, () => kv.set('first', 1));
  await kv.close();
  kv = await open(folder);
  for (const at of rows.filter((row) => row % 10 === 7)) await kv.delete(['k', at]);
  const even = rows.filter((at) => at % 2 === 0);
  await Promise.all(even.map((at) => kv.set(['k', at], { text: `new ${at}`, padding })));
  // The log drops what a checkpoint contains once another one has followed.
  for (const name of ['second', 'third']) await checkpoint(folder, () => kv.set(name, 1));
  await kv.close();
  // After another opening, all of it is in tables.
  await (await open(folder)).close();
}

/** Writes until LevelDB's log has grown by it. */
async function checkpoint(folder: string, write: () => Promise<unknown>): Promise<void> {
  const path = join(folder, 'state');
  const bytes = () => {
    const names = filesOf(path, /^\d+\.log$/);
    return names.map((name) => `${name} ${statSync(join(path, name)).size}`).join();
  };
  const before = bytes();
  await write();
  const until = Date.now() + 30_000;
  while (bytes() === before) {
    assert.ok(Date.now() < until, 'a checkpoint is written');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The largest first: a table that a slow machine wrote early may be smaller than a sector. */
function tablesIn(folder: string): readonly string[] {
  const paths = filesOf(join(folder, 'state'), /\.ldb$/).map((name) => join(folder, 'state', name));
  return paths.sort((one, other) => statSync(other).size - statSync(one).size);
}

/** A sector is zeroed, as a disk may lose it. */
function scramble(path: string): void {
  change(path, (bytes) => {
    const from = Math.min(1024, Math.floor(bytes.length / 2));
    return bytes.fill(0xff, from, Math.min(from + 512, bytes.length)) as Buffer;
  });
}

/** A copy of a folder as a kill leaves it: all rows are in tables, and the log has them as well. */
async function killedCopyOf(folder: string): Promise<string> {
  const copy = join(temporaryFolder(), 'data');
  await using _ = await open(folder);
  cpSync(folder, copy, { recursive: true });
  // It names this process, which lives.
  rmSync(join(copy, 'lock', 'holder'));
  return copy;
}

test('a damaged store is rebuilt from the log, and kept until the next one', LONG, async () => {
  const first = join(temporaryFolder(), 'data');
  const left = join(temporaryFolder(), 'data');
  {
    await using kv = await open(first);
    const rows = Array.from({ length: ROWS }, (_, at) => at);
    const texts = rows.map((at) => [at, expected(at)] as const);
    const written = texts.filter(([, text]) => text !== undefined);
    // The log drops what a checkpoint contains only when a second one has followed: at the latest
    // when the store is closed.
    await checkpoint(first, () =>
      Promise.all(written.map(([at, text]) => kv.set(['k', at], { text }))),
    );
    cpSync(first, left, { recursive: true });
  }
  const killed = await killedCopyOf(left);
  const harms = [
    (folder: string) => scramble(tablesIn(folder)[0] ?? ''),
    (folder: string) => rmSync(join(folder, 'state', 'CURRENT')),
  ];
  for (const [round, harm] of harms.entries()) {
    const folder = join(temporaryFolder(), 'data');
    cpSync(killed, folder, { recursive: true });
    if (round > 0) mkdirSync(join(folder, `state.damaged-${round}`));
    harm(folder);
    const seen = read(folder);
    assert.deepEqual([seen.outcome, seen.wrong, seen.failed], ['served', [], []], seen.message);
    const aside = readdirSync(folder).filter((name) => name.startsWith('state.damaged-'));
    assert.deepEqual(aside, [`state.damaged-${round + 1}`]);
  }
});

/** A store with the only copy of its rows; its folder can be restored. */
async function irreplaceable(): Promise<{ folder: string; state: string; restore(): void }> {
  const folder = join(temporaryFolder(), 'data');
  await fill(folder);
  const state = join(folder, 'state');
  const pristine = join(temporaryFolder(), 'pristine');
  cpSync(folder, pristine, { recursive: true });
  const restore = () => {
    rmSync(folder, { recursive: true });
    cpSync(pristine, folder, { recursive: true });
  };
  return { folder, state, restore };
}

test('a store with the only copy of its data is refused and left unchanged', LONG, async (t) => {
  const { folder, state, restore } = await irreplaceable();
  for (const path of tablesIn(folder)) {
    const name = basename(path);
    scramble(path);
    const names = readdirSync(state).sort();
    const bytes = readFileSync(path);
    const { outcome, code, message } = read(folder);
    assert.deepEqual([outcome, code], ['refused', 'store-damaged'], message);
    assert.ok(message.includes(name) && message.includes('kvctl salvage'), message);
    assert.deepEqual(readdirSync(state).sort(), names);
    assert.deepEqual(readFileSync(path), bytes);
    restore();
  }
  const random = new Random(23);
  const outcomes = new Map<string, number>();
  for (let trial = 0; trial < FLIPS; trial++) {
    const names = filesOf(state, /\.ldb$|\.log$|^MANIFEST|^CURRENT/);
    const name = random.pick(names.filter((each) => statSync(join(state, each)).size > 0));
    const bit = random.below(statSync(join(state, name ?? '')).size * 8);
    flip(join(state, name ?? ''), bit);
    // In this process: if LevelDB ends it, the whole file has failed.
    const seen = await readStore(folder, ROWS);
    const what = `${name}, bit ${bit}: ${JSON.stringify(seen)}`;
    assert.deepEqual([...seen.wrong, ...seen.failed], [], what);
    if (seen.outcome === 'refused') assert.equal(seen.code, 'store-damaged', what);
    outcomes.set(seen.outcome, (outcomes.get(seen.outcome) ?? 0) + 1);
    restore();
  }
  t.diagnostic(`flips: ${JSON.stringify([...outcomes])}`);
  assert.ok((outcomes.get('served') ?? 0) > FLIPS / 2, 'most flipped bits are corrected');
});

/** Corrupts the row of a key and corrects LevelDB's checksums, as if it was written so. */
async function spoilRow(state: string, key: string): Promise<void> {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view', compression: false } as const;
  const level = new ClassicLevel<Uint8Array, Uint8Array>(state, encodings);
  let corruptionChanged = 0;
  for await (const [stored, record] of level.iterator()) {
    if (stored[0] !== 3 || !Buffer.from(stored).includes(key)) continue;
    const changed = record.slice();
    changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 0xff;
    await level.put(stored, changed, { sync: true });
    corruptionChanged += 1;
  }
  await level.close();
  assert.equal(corruptionChanged, 1, 'there is one such row');
}

test('a store with one damaged row loses only that row', LONG, async () => {
  const { folder, state } = await irreplaceable();
  {
    await using kv = await open(folder);
    await kv.set('row one', 1);
    await kv.set('row two', 2);
    await checkpoint(folder, () => kv.set('fourth', 1));
  }
  for (const key of ['row one', 'row two']) await spoilRow(state, key);
  const lost = { code: 'value-lost', outcome: 'notApplied', hint: /kvctl salvage/ };
  for (let life = 0; life < 2; life++) {
    await using kv = await open(folder);
    const all = Array.from({ length: 10 }, (_, at) => kv.get(['k', at]));
    const one = kv.get('row one');
    const adding = kv.add('row one');
    await assert.rejects(one, lost);
    await assert.rejects(adding, lost);
    await assert.rejects(kv.set('row one', 3, { ifVersion: 7 }), lost);
    await assert.rejects(async () => {
      for await (const entry of kv.scan({ prefix: 'row' })) assert.fail(String(entry.key));
    }, lost);
    assert.equal((await Promise.all(all)).filter((found) => found !== undefined).length, 9);
    await kv.set('beside it', life);
    assert.equal((await kv.get('beside it'))?.value, life);
    await checkpoint(folder, () => kv.set('fifth', life));
  }
  {
    await using kv = await open(folder);
    await kv.set('row one', 'anew');
    await kv.delete('row two');
    assert.equal((await kv.get('row one'))?.value, 'anew');
    assert.equal(await kv.get('row two'), undefined);
    await checkpoint(folder, () => kv.set('sixth', 1));
  }
  await using kv = await open(folder);
  assert.equal((await kv.get('row one'))?.value, 'anew');
  assert.equal(await kv.get('row two'), undefined);
  assert.equal(await kv.add('visits'), 1n);
});
