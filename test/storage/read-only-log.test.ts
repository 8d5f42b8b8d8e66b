/** Reading a log without opening it: what it returns, and that its folder is not changed. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ShardId } from '../../src/base/ids.ts';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { readLog } from '../../src/storage/log/read-only-log.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { OWNER, open } from './log-life.ts';
import { temporaryFolder } from './temporary.ts';

function imageOf(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return `${name} ${statSync(path).mtimeMs} ${readFileSync(path, 'latin1')}`;
  });
}

async function writtenLog(folder: string): Promise<void> {
  const log = await new Promise<Log>((resolve, reject) => {
    open(new DiskFiles(folder), {}, (opened) => {
      if (opened.type === 'opened') resolve(opened.log);
      else reject(new Error(opened.text));
    });
  });
  const records = [CREATION, writing([command(1, 1, 'one'), command(2, 1, 'two')])];
  await new Promise<void>((resolve) => log.append(records, resolve));
  await new Promise<void>((resolve) => log.close(resolve));
  await turn();
}

test('a stored log is read from disk, and its folder is not changed', async () => {
  const folder = temporaryFolder();
  await writtenLog(folder);
  const before = imageOf(folder);
  const log = readLog(folder, OWNER);
  assert.ok(typeof log !== 'string', String(log));
  const { shard, member } = CREATION;
  assert.deepEqual(log.shards, [shard]);
  assert.equal(log.replica(shard)?.member, member);
  const read = log.reader(shard).read({ from: 1, to: 2, bytesMax: 1000 });
  assert.ok(typeof read !== 'string', 'the entries are sound');
  assert.deepEqual(
    read.map((entry) => entry.kind === 'command' && new TextDecoder().decode(entry.payload)),
    ['one', 'two'],
  );
  assert.equal(log.replica(999 as ShardId), undefined);
  assert.deepEqual(imageOf(folder), before);
});

test('a log of another node, or no log, is refused with a text', () => {
  assert.match(String(readLog(join(temporaryFolder(), 'absent'), OWNER)), /list of/);
  assert.match(String(readLog(temporaryFolder(), OWNER)), /is empty/);
});
