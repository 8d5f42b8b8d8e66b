/** `kvctl audit`: the verdict on a trail, and its lines. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { type TrailFile, Verification } from '../../src/audit/verification.ts';
import { recordOf, TrailRig } from '../audit/audit-rig.ts';
import { kvctl } from './called.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'kvctl-audit-'));
after(() => rmSync(ROOT, { recursive: true, force: true }));

let count = 0;

function folderOf(files: readonly TrailFile[]): string {
  count += 1;
  const folder = join(ROOT, `trail-${count}`);
  mkdirSync(folder);
  for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
  return folder;
}

async function trail(): Promise<readonly TrailFile[]> {
  const rig = await TrailRig.open(undefined, { fileBytesMax: 1500, bytesMax: 100_000 });
  const ada = { who: { user: 'ada', token: 'aa' }, on: { role: 'orders' } } as const;
  rig.trail.add(recordOf('put-role', ada));
  await rig.settled();
  rig.trail.add(
    recordOf('delete-user', { on: { user: 'bob' }, outcome: 'refused', why: 'x\u001b' }),
  );
  await rig.settled();
  rig.trail.add(recordOf('hello', { who: { certificate: 'app' }, on: {} }));
  await rig.trail.close();
  return rig.folder.all();
}

const FILES = await trail();
const SOUND = folderOf(FILES);

test('an intact trail: the verdict first, with its head, and exit code 0', async () => {
  const { exit, data } = await kvctl(['audit', 'verify', SOUND]);
  equal(exit, 0);
  const verification = new Verification();
  for (const file of FILES) verification.add(file);
  const { lines, head } = verification.end();
  equal(data.toString(), `INTACT  ${lines} lines (1 to ${lines}), head ${head}\n`);
  const json = JSON.parse((await kvctl(['audit', 'verify', SOUND, '-o', 'json'])).data.toString());
  deepEqual([json.isIntact, json.head, json.faults], [true, head, []]);
});

test('a broken trail: exit code 1, and each place with what happened there', async () => {
  const [first, ...rest] = FILES as readonly [TrailFile, ...TrailFile[]];
  const text = new TextDecoder().decode(first.bytes).replace('orders', 'others');
  const broken = folderOf([{ ...first, bytes: new TextEncoder().encode(text) }, ...rest]);
  const { exit, data } = await kvctl(['audit', 'verify', broken]);
  equal(exit, 1);
  match(
    data.toString(),
    /^BROKEN {2}\d+ lines .*\naudit-00000001\.jsonl:3 {2}changed: its content/,
  );
});

test('a noted hash is missed, or verified from', async () => {
  const noted = 'a'.repeat(64);
  const { exit, data } = await kvctl(['audit', 'verify', SOUND, '--from', noted]);
  equal(exit, 1);
  match(data.toString(), /the trail {2}unanchored: no sound line has the hash a{64}/);
  const bad = await kvctl(['audit', 'verify', SOUND, '--from', 'abc']);
  deepEqual([bad.exit, /64 hex digits/.test(bad.notes)], [2, true]);
});

test('a folder whose first lines are gone is broken, also if one file is left', async () => {
  const last = FILES.at(-1);
  if (last === undefined) throw new Error('the trail has files');
  const { exit, data } = await kvctl(['audit', 'verify', folderOf([last])]);
  equal(exit, 1);
  match(data.toString(), /removed: the trail begins with line/);
});

test('one file of a trail is verified by itself', async () => {
  const last = FILES.at(-1)?.name ?? '';
  equal((await kvctl(['audit', 'verify', join(SOUND, last)])).exit, 0);
});

test('lines are shown by user and time, and nothing in them reaches the terminal raw', async () => {
  const show = async (...words: readonly string[]) => {
    const { exit, data } = await kvctl(['audit', 'show', SOUND, ...words]);
    equal(exit, 0);
    return data.toString();
  };
  const all = await show();
  match(all, /ada\t10\.0\.0\.7:5000\tput-role\t\{"role":"orders"\}\tok\n/);
  match(all, /refused: x\\x1b\n/);
  equal(all.includes('\u001b'), false);
  const whats = async (...words: readonly string[]) => {
    const lines = (await show('-o', 'ndjson', ...words)).trim().split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line).what ?? JSON.parse(line).kind);
  };
  deepEqual(await whats('--user', 'ada'), ['put-role']);
  deepEqual(await whats('--user', 'bob'), ['delete-user'], 'who did it, or about whom it is');
  equal((await whats('--since', '1h')).includes('hello'), true);
  deepEqual(await whats('--since', '2999-01-01'), []);
  const bad = await kvctl(['audit', 'show', SOUND, '--since', '2026-99-99']);
  equal(bad.exit, 2);
});

test('what is no trail is refused, with the place to look for one', async () => {
  const none = await kvctl(['audit', 'verify', ROOT]);
  equal(none.exit, 5);
  match(none.notes, /has no file of an audit trail/);
  equal((await kvctl(['audit', 'verify', join(ROOT, 'gone')])).exit, 5);
  equal((await kvctl(['audit', 'burn', SOUND])).exit, 2);
});
