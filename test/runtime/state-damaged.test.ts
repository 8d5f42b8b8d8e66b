/** A node whose state store turns out to be damaged while it runs restarts by itself. */

import { equal, match, rejects } from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { open } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

/** This number of reads of LevelDB fail as if it had found damage. */
function corruptReads(context: TestContext, count: number): void {
  const { getSync } = ClassicLevel.prototype;
  let left = count;
  context.mock.method(
    ClassicLevel.prototype,
    'getSync',
    function read(this: ClassicLevel, ...words: Parameters<typeof getSync>) {
      if (left === 0) return getSync.apply(this, words);
      left -= 1;
      throw Object.assign(new Error('Corruption: bad entry'), { code: 'LEVEL_CORRUPTION' });
    },
  );
}

test('corruption that LevelDB reports costs clients nothing but time', async (context) => {
  await using kv = await open(join(temporaryFolder(), 'data'));
  await kv.set('a', 1);
  corruptReads(context, 1);
  equal(await kv.get('never written'), undefined);
  equal((await kv.get('a'))?.value, 1);
  equal(await kv.add('b'), 1n);
});

test('a store that is damaged again at once fails, and its next open serves', async (context) => {
  const folder = join(temporaryFolder(), 'data');
  {
    await using kv = await open(folder);
    await kv.set('a', 1);
    corruptReads(context, 1);
    equal(await kv.get('never written'), undefined);
    corruptReads(context, 1);
    await rejects(kv.get('never written either'));
    await rejects(kv.set('b', 1), (error: Error & { code?: string }) => {
      equal(error.code, 'store-failed');
      match(error.message, /state-damaged: .*Corruption: bad entry.*Restart the node/);
      return true;
    });
  }
  await using kv = await open(folder);
  equal((await kv.get('a'))?.value, 1);
});
