/** A store in this process: it keeps acknowledged writes, releases its folder, ends no process. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { monotoneNow, secureBytes } from '../../src/base/ambient.ts';
import type { Client } from '../../src/client/client.ts';
import { connectBy } from '../../src/client/connecting.ts';
import { connect, KvError, open } from '../../src/index.ts';
import { EMBEDDED_URL, embed } from '../../src/runtime/embedded.ts';
import { startNode } from '../../src/runtime/node.ts';
import { FaultyFiles } from './faulty-files.ts';

const INIT = { shards: 2, replicas: 3 };

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-embedded-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function serve(folder: string, how: { join?: readonly string[]; isNew?: boolean }) {
  return startNode({
    folder,
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    join: how.join ?? [],
    logLevel: 'silent',
    ...(how.isNew ? { init: INIT } : {}),
  });
}

/** As `open` does it, on a disk with faults. */
async function openFaulty(folder: string): Promise<{ kv: Client; files: FaultyFiles }> {
  const made: FaultyFiles[] = [];
  const openFiles = (path: string) => {
    const files = new FaultyFiles(path);
    made.push(files);
    return files;
  };
  const { dial, ended, close } = await embed({ folder, openFiles });
  const kv = await connectBy(
    { dial: (_, listener) => dial(listener), ended, close, now: monotoneNow, secureBytes },
    EMBEDDED_URL,
  );
  return { kv, files: made[0] as FaultyFiles };
}

test('acknowledged writes are there when the folder is opened again', async (context) => {
  const folder = join(folderFor(context), 'deep', 'data');
  {
    await using kv = await open(folder);
    await Promise.all(Array.from({ length: 500 }, (_, at) => kv.set(['n', at], { at })));
    equal(await kv.add('visits', 5), 5n);
  }
  await using kv = await open(folder);
  equal(await kv.count(), 501);
  deepEqual((await kv.get(['n', 77]))?.value, { at: 77 });
  const entry = await kv.get('visits');
  const refused = await kv.set('visits', 0, { ifVersion: (entry?.version ?? 0) + 1 });
  equal(refused.ok, false);
});

test('all keys are in one shard, so an atomic command reaches any of them', async (context) => {
  await using kv = await open(folderFor(context));
  const atomic = kv.atomic();
  for (let at = 0; at < 50; at++) atomic.set(`key:${at}`, at);
  equal((await atomic.commit()).ok, true);
  const found: unknown[] = [];
  for await (const { value } of kv.scan({ prefix: 'key:' })) found.push(value);
  equal(found.length, 50);
});

test('a store can have several shards, and keeps their number', async (context) => {
  const folder = folderFor(context);
  const first = await open(folder, { shards: 8 });
  await Promise.all(Array.from({ length: 100 }, (_, at) => first.set(`key:${at}`, at)));
  await first.close();
  await using kv = await open(folder, { shards: 3 });
  equal(await kv.count(), 100);
  const told = await kv.atomic().set('a', 1).set('b', 1).set('c', 1).commit();
  ok(told.ok && told.versionOf('b') > 0);
  deepEqual(
    (await kv.getMany(['a', 'b', 'c'])).map((entry) => entry?.value),
    [1, 1, 1],
  );
});

test('no port is opened', async (context) => {
  await using kv = await open(folderFor(context));
  await kv.set('a', 1);
  const handles = process.getActiveResourcesInfo();
  equal(handles.includes('TCPServerWrap') || handles.includes('TCPSocketWrap'), false);
});

test('a second open of the folder is refused, and the first store works on', async (context) => {
  const folder = folderFor(context);
  const kv = await open(folder);
  context.after(() => kv.close());
  const again = {
    name: 'KvError',
    code: 'folder-in-use',
    message: /in use by this process \(\d+\)/,
  };
  await rejects(open(folder), again);
  await rejects(Promise.all([open(folder), open(folder)]), again);
  equal((await kv.set('a', 1)).ok, true);
  await kv.close();
  const both = await Promise.allSettled([open(folder), open(folder)]);
  deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  for (const one of both) if (one.status === 'fulfilled') await one.value.close();
});

test('calls after close fail with a reason, and close may be called twice', async (context) => {
  const kv = await open(folderFor(context));
  const writing = kv.set('a', 1);
  await Promise.all([kv.close(), kv.close()]);
  await rejects(writing, { code: 'closed' });
  await rejects(kv.get('a'), { code: 'closed', outcome: 'notApplied' });
});

test('invalid options are refused, and leave nothing open', async (context) => {
  const folder = join(folderFor(context), 'none');
  await rejects(open(folder, { shards: 0 }), {
    code: 'invalid-argument',
    message: /shards must be .*got 0/,
  });
  await rejects(open(folder, { valueBytesMax: 2 ** 30 }), { code: 'invalid-argument' });
  // This one is detected only when the store is open: it releases the folder.
  await rejects(open(folder, { timeout: -1 }), { code: 'invalid-argument' });
  await (await open(folder)).close();
});

test('a folder goes from a lone node to the embedded one and back', async (context) => {
  const folder = folderFor(context);
  const first = await serve(folder, { isNew: true });
  const there = await connect(first.clientUrl);
  await there.set('a', 'served');
  await there.close();
  await first.stop();
  const kv = await open(folder);
  equal((await kv.get('a'))?.value, 'served');
  await kv.set('b', 'embedded');
  await kv.close();
  const second = await serve(folder, {});
  const again = await connect(second.clientUrl);
  equal((await again.get('b'))?.value, 'embedded');
  await again.close();
  await second.stop();
});

test('a member of a cluster is refused, and its folder is unchanged', async (context) => {
  const [one, other] = [folderFor(context), folderFor(context)];
  const first = await serve(one, { isNew: true });
  const second = await serve(other, { join: [first.clientUrl] });
  while ((await mapNodes(second.clientUrl)) < 2) await pause();
  await second.stop();
  await first.stop();
  for (const folder of [one, other]) {
    const refusal = { code: 'folder-unusable', message: /a node of a cluster/ };
    await rejects(open(folder), refusal);
    rmSync(join(folder, 'map'), { force: true });
  }
  // The copy of the map is a convenience: its contents are in the state as well.
  await rejects(open(one), { code: 'folder-unusable' });
  const back = await serve(one, {});
  equal(back.node, 1);
  await back.stop();
});

test('a folder with other contents is refused by its name', async (context) => {
  const folder = folderFor(context);
  mkdirSync(join(folder, 'state'));
  writeFileSync(join(folder, 'state', 'letters'), 'dear');
  await rejects(open(folder), { code: 'folder-unusable', message: /letters/ });
  rmSync(join(folder, 'state'), { recursive: true });
  await (await open(folder)).close();
});

test('a disk that fails ends the store, not the process, and loses nothing', async (context) => {
  const folder = folderFor(context);
  const { kv, files } = await openFaulty(folder);
  await kv.set('a', 'kept');
  files.fault = { operation: 'write', errno: 'EIO' };
  const failure = await kv.set('b', 1, { timeout: 60_000 }).catch((error: unknown) => error);
  ok(failure instanceof KvError);
  deepEqual([failure.code, failure.outcome], ['store-failed', 'unknown']);
  match(failure.message, /EIO/);
  await rejects(kv.get('a'), { code: 'store-failed', outcome: 'notApplied', message: /EIO/ });
  await kv.close();
  equal(files.closedTooSoon, false);
  await using again = await open(folder);
  equal((await again.get('a'))?.value, 'kept');
});

test('a broken invariant ends the store, not the process', async (context) => {
  const folder = folderFor(context);
  const { kv, files } = await openFaulty(folder);
  await kv.set('a', 'kept');
  files.throws = true;
  await rejects(kv.set('b', 1), { code: 'store-failed', message: /planted/ });
  await rejects(kv.add('c'), { code: 'store-failed', outcome: 'notApplied' });
  await kv.close();
  await using again = await open(folder);
  equal((await again.get('a'))?.value, 'kept');
});

test('a full disk refuses writes, and accepts them again when there is room', async (context) => {
  const { kv, files } = await openFaulty(folderFor(context));
  await kv.set('a', 'kept');
  files.fault = { operation: 'create', errno: 'ENOSPC' };
  const big = 'x'.repeat(900_000);
  let refusal: unknown;
  for (let at = 0; at < 400 && refusal === undefined; at++) {
    await kv.set(`big:${at % 4}`, big).catch((error: unknown) => {
      refusal = error;
    });
  }
  ok(refusal instanceof KvError, 'the reserve is used up in the end');
  deepEqual([refusal.code, refusal.outcome], ['read-only', 'notApplied']);
  equal((await kv.get('a'))?.value, 'kept');
  files.fault = undefined;
  while (!(await kv.set('b', 1).catch(() => ({ ok: false }))).ok) await pause();
  await kv.close();
});

test('a copy of the map that cannot be written ends nothing', async (context) => {
  const folder = folderFor(context);
  mkdirSync(join(folder, 'map.new', 'in-the-way'), { recursive: true });
  await using kv = await open(folder);
  await kv.set('a', 1);
  equal((await kv.get('a'))?.value, 1);
});

test('a store that could not be opened leaves no lock behind', async (context) => {
  const folder = folderFor(context);
  const openFiles = (path: string) => {
    const files = new FaultyFiles(path);
    files.fault = { operation: 'create', errno: 'EIO' };
    return files;
  };
  await rejects(embed({ folder, openFiles }), { code: 'folder-unusable', message: /EIO/ });
  await (await open(folder)).close();
});

async function mapNodes(url: string): Promise<number> {
  const { askMap } = await import('../../src/admin.ts');
  return (await askMap(url)).nodes.length;
}

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, 20));
}

test('a damaged log is reported with its place, and at once', async (context) => {
  const root = folderFor(context);
  const folder = join(root, 'as after a kill');
  const value = 'the value that is searched for in the log';
  {
    await using kv = await open(join(root, 'data'));
    await kv.set('first', value);
    // Few, so that no checkpoint comes between them, however slow the machine is.
    for (let at = 0; at < 3; at++) await kv.set(`k${at}`, at);
    // A store that is closed has saved its state, and needs nothing of its log.
    cpSync(join(root, 'data'), folder, { recursive: true });
  }
  const path = join(folder, 'log', '00000001.log');
  const bytes = readFileSync(path);
  const at = bytes.indexOf(value);
  ok(at > 0);
  bytes[at] = 0x00;
  writeFileSync(path, bytes);
  await rejects(open(folder), (error: unknown) => {
    ok(error instanceof KvError);
    deepEqual([error.code, error.outcome], ['folder-unusable', 'notApplied']);
    match(error.message, /is damaged.*shard 1.*00000001\.log at byte \d+, entry \d+: /);
    return true;
  });
});

test('a store that was closed needs no entry of its log', async (context) => {
  const folder = folderFor(context);
  const value = 'the value that is searched for in the log';
  {
    await using kv = await open(folder);
    await kv.set('first', value);
  }
  const path = join(folder, 'log', '00000001.log');
  const bytes = readFileSync(path);
  const at = bytes.indexOf(value);
  ok(at > 0);
  bytes[at] = 0x00;
  writeFileSync(path, bytes);
  await using kv = await open(folder);
  equal((await kv.get('first'))?.value, value);
});

test('a path that cannot hold a folder is an error, whatever the file system reports', async () => {
  await rejects(open('/proc/nothing/there'), {
    code: 'folder-unusable',
    message: /cannot be created/,
  });
  const { pathname } = new URL(import.meta.url);
  await rejects(open(pathname), { code: 'folder-unusable', message: /is a file/ });
});
