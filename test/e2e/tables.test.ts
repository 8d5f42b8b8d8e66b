/** Tables on real nodes: an index is built while its process and nodes are killed. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/base/random.ts';
import { connect, isKvError } from '../../src/index.ts';
import { isTableError, openTables } from '../../src/tables.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';
import { type Account, bare, indexed } from './tables-schema.ts';

const LONG = { timeout: 300_000 };
const BUILDER = fileURLToPath(new URL('./tables-builder.js', import.meta.url));
const ROWS = 128;
const SUM = 100 * ROWS;

function account(at: number, balance = 100): Account {
  return { id: `a${String(at).padStart(4, '0')}`, owner: `owner-${at}`, balance };
}

/** Resolves when the build has begun and its process was killed. */
async function buildAndKill(urls: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [BUILDER, ...urls], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const first = await new Promise<string>((resolve) => {
    child.stdout.once('data', (line) => resolve(String(line)));
  });
  child.kill('SIGKILL');
  await gone;
  return first;
}

test('an index build survives the death of its process and of nodes', LONG, async (context) => {
  const cluster = new NodeCluster(temporaryFolder());
  context.after(() => cluster.end());
  await cluster.grow(4);
  const kv = await connect(cluster.urls, { timeout: 60_000 });
  context.after(() => kv.close());
  const db = await openTables(kv, { schema: { accounts: bare } });
  await Promise.all(Array.from({ length: ROWS }, (_, at) => db.accounts.insert(account(at))));

  let isOver = false;
  context.after(() => {
    isOver = true;
  });
  const transfer = async (seed: number) => {
    const random = new Random(seed);
    while (!isOver) {
      const [from, to] = [random.below(ROWS), random.below(ROWS)];
      if (from === to) continue;
      await db
        .transaction(async (tx) => {
          const amount = random.below(10);
          const take = (row: Account) => ({ ...row, balance: row.balance - amount });
          const give = (row: Account) => ({ ...row, balance: row.balance + amount });
          await tx.accounts.update(account(from), take);
          await tx.accounts.update(account(to), give);
        })
        // The sum holds whether such a transfer took effect or not.
        .catch((error: unknown) => assert.ok(isKvError(error), String(error)));
    }
  };
  const writers = [transfer(1), transfer(2)];
  assert.match(await buildAndKill(cluster.urls), /^owner build \d+/);
  const [first] = cluster.members;
  assert.ok(first);
  await cluster.kill(first);
  const told: number[] = [];
  const next = await openTables(kv, {
    schema: { accounts: indexed },
    onProgress: ({ index, phase, rows }) => {
      if (index === 'owner' && phase === 'build') told.push(rows);
    },
  });
  assert.ok((told[0] ?? ROWS) > 32, `it was continued, not begun again: ${told[0]} rows`);
  await cluster.start(first);
  isOver = true;
  await Promise.all(writers);

  for (const member of cluster.members) await cluster.kill(member);
  for (const member of cluster.members) await cluster.start(member);
  let [sum, count] = [0, 0];
  for await (const { balance } of next.accounts.rows({ orderBy: 'balance', scan: true })) {
    sum += balance;
    count += 1;
  }
  assert.deepEqual([sum, count], [SUM, ROWS]);
  assert.equal(next.accounts.explain({ orderBy: 'balance', scan: true }).index, 'balance');
  for (const { index, entries, missing, stale } of await next.accounts.verify()) {
    assert.deepEqual([index, entries, missing, stale], [index, ROWS, 0, 0]);
  }
  const twin = await db.accounts.insert({ ...account(ROWS), owner: 'owner-7' }).catch((e) => e);
  assert.ok(isTableError(twin) && twin.code === 'unique-violation', String(twin));
});
