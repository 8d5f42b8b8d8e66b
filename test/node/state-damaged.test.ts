/** A node whose state store turns out to be damaged while it runs ends, and says what to do. */

import { equal, match, rejects } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { open } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';

test('what LevelDB calls corrupt ends a node, and its next start serves', async (context) => {
  const folder = join(temporaryFolder(), 'data');
  {
    await using kv = await open(folder);
    await kv.set('a', 1);
    const corrupt = Object.assign(new Error('Corruption: bad entry'), { code: 'LEVEL_CORRUPTION' });
    const broken = context.mock.method(ClassicLevel.prototype, 'getSync', () => {
      throw corrupt;
    });
    await rejects(kv.get('never written'));
    await rejects(kv.set('b', 1), (error: Error & { code?: string }) => {
      equal(error.code, 'store-failed');
      match(error.message, /state-damaged: .*Corruption: bad entry.*Start the node again/);
      return true;
    });
    broken.mock.restore();
  }
  await using kv = await open(folder);
  equal((await kv.get('a'))?.value, 1);
});
