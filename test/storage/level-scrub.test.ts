/** Damage of tables of an open store is found by reads that bypass LevelDB. */

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LevelScrub } from '../../src/storage/state/level-scrub.ts';
import type { LevelDamage } from '../../src/storage/state/level-table-check.ts';
import { filesOf, fill, flip, temporary } from './level-folder.ts';

interface Scrubbed {
  readonly folder: string;
  readonly tables: readonly string[];
  readonly damages: LevelDamage[];
  readonly scrub: LevelScrub;
  /** LevelDB's description of its tables. */
  live: readonly string[];
}

async function scrubbed(context: TestContext, { isAhead }: { readonly isAhead: boolean }) {
  const folder = temporary(context);
  await fill(folder);
  const tables = filesOf(folder, /\.ldb$/);
  const damages: LevelDamage[] = [];
  const made = { folder, tables, damages, live: isAhead ? tables : [] };
  const describe = () => {
    const lines = made.live.map((name) => {
      const size = tables.includes(name) ? statSync(join(folder, name)).size : 1;
      return ` ${Number.parseInt(name, 10)}:${size}['a' @ 1 : 1 .. 'b' @ 2 : 1]`;
    });
    return ['--- level 0 ---', ...lines, '--- level 1 ---', ''].join('\n');
  };
  const onDamage = (found: readonly LevelDamage[]) => damages.push(...found);
  const scrub = new LevelScrub({ folder, describe, onDamage, lookMilliseconds: 5 });
  return Object.assign(made, { scrub }) satisfies Scrubbed;
}

async function until(isDone: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!isDone()) {
    assert.ok(Date.now() < end, 'it happens');
    await sleep(5);
  }
}

test('a new table is verified soon, and damage is reported once', async (context) => {
  const made = await scrubbed(context, { isAhead: false });
  const [first = '', second = ''] = made.tables;
  made.live = [first];
  await until(() => made.scrub.tables === 1);
  assert.deepEqual(made.damages, []);
  flip(join(made.folder, second), 4000);
  made.live = [first, second];
  await until(() => made.damages.length > 0);
  assert.deepEqual(
    made.damages.map(({ file }) => file),
    [second],
  );
  await made.scrub.close();
  assert.ok(made.scrub.bytes > 0);
});

test('a table that LevelDB deleted meanwhile is not damage', async (context) => {
  const made = await scrubbed(context, { isAhead: true });
  made.live = ['999999.ldb', ...made.tables];
  await sleep(100);
  await made.scrub.close();
  assert.deepEqual(made.damages, []);
  await made.scrub.close();
});
