/** What the verbs for locks, elections and leases ask, run, print and end with. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { LeaseInShard, TicketInLock } from '../../cli/store.ts';
import { KvError } from '../../src/index.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

/** A command of the user: this program in another process. */
function program(script: string): readonly string[] {
  return ['--', process.execPath, '-e', script];
}

function lease(id: string, shard: number, about: Partial<LeaseInShard> = {}): LeaseInShard {
  const usual = { ttl: 15_000, left: 9000, isEnded: false, tickets: 1, client: 'c'.repeat(32) };
  return { id, shard, note: 'worker 7', ...usual, ...about };
}

function ticket(name: string, token: number, about: Partial<TicketInLock> = {}): TicketInLock {
  const usual = { lease: 'a'.repeat(32), kind: 'exclusive', permits: 1, age: 61_000 } as const;
  const more = { client: 'c'.repeat(32), note: 'nightly' };
  return { name: Buffer.from(name), token, ...usual, ...more, ...about };
}

test('lock runs the command with the fence, and ends with its exit code', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-lock-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const store = new MemoryStore();
  const file = join(folder, 'fence');
  const script = `require('fs').writeFileSync(${JSON.stringify(file)}, process.env.RINGKV_FENCE)`;
  const words = ['lock', 'report', '--wait', '2s', '--ttl', '10s'];
  const ran = await kvctl([...words, ...program(`${script}; process.exit(3)`)], { store });
  assert.deepEqual([ran.exit, ran.notes], [3, '']);
  assert.equal(readFileSync(file, 'utf8'), 'a-fence');
  assert.equal(store.releases, 1);
  const [request] = store.lockRequests;
  assert.deepEqual(Buffer.from(request?.name ?? []).toString(), 'report');
  assert.deepEqual([request?.waitMilliseconds, request?.ttlMilliseconds], [2000, 10_000]);
  assert.match(request?.note ?? '', /^kvctl \d+: /);
});

test('a command that a signal ended has the exit code that shells give it', async () => {
  const store = new MemoryStore();
  const words = program(`process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)`);
  assert.equal((await kvctl(['lock', 'report', ...words], { store })).exit, 128 + 15);
  assert.equal(store.releases, 1);
});

test('a command is not run if the lock is not to be had in time', async () => {
  const store = new MemoryStore();
  store.take('report');
  const { exit, notes } = await kvctl(['lock', 'report', '--try', '--', 'false'], { store });
  assert.equal(exit, 6);
  assert.match(notes, /was not free in time/);
  assert.deepEqual([store.lockRequests[0]?.waitMilliseconds, store.releases], [0, 0]);
  const other = await kvctl(['elect', 'report', 'me', '--', 'false'], { store });
  assert.equal(other.exit, 6);
});

test('a lock is not called taken while no node can be reached', async () => {
  const store = new MemoryStore();
  store.take('report');
  const message = 'no node can be reached';
  store.clusterMap = new KvError({ code: 'unreachable', outcome: 'notApplied', message });
  for (const words of [['lock'], ['elect']]) {
    const { exit, notes } = await kvctl([...words, 'report', '--', 'false'], { store });
    assert.equal(exit, 3);
    assert.match(notes, /no node can be reached; the command was not run/);
  }
});

test('a command whose lock is lost is ended, and so is one that does not want to end', async () => {
  const store = new MemoryStore();
  setTimeout(() => store.losing.abort(), 300);
  const words = program('setInterval(() => {}, 1000)');
  const { exit, notes } = await kvctl(['lock', 'report', ...words], { store });
  assert.equal(exit, 75);
  assert.match(notes, /lock report was lost/);
});

test('lock can share a lock, or take a permit', async () => {
  const store = new MemoryStore();
  const ways = [['--shared'], ['--permits', '4']];
  for (const way of ways) {
    const words = ['lock', 'report', ...way, ...program('process.exit(0)')];
    assert.equal((await kvctl(words, { store })).exit, 0);
  }
  const [one, two] = store.lockRequests;
  assert.deepEqual([one?.isShared, one?.permits], [true, undefined]);
  assert.deepEqual([two?.isShared, two?.permits], [false, 4]);
  const both = ['lock', 'report', '--shared', '--permits', '4', '--', 'true'];
  assert.equal((await kvctl(both, { store })).exit, 2);
  assert.equal((await kvctl(['lock', 'report'], { store })).exit, 2);
  const missing = await kvctl(['lock', 'report', '--', './there-is-none'], { store });
  assert.equal(missing.exit, 2);
  assert.match(missing.notes, /there-is-none" cannot be run: there is no such program/);
});

test('elect runs the command while the key has the value', async () => {
  const store = new MemoryStore();
  const words = ['elect', 'scheduler', 'node-7', ...program('process.exit(0)')];
  assert.equal((await kvctl(words, { store })).exit, 0);
  const [request] = store.elections;
  assert.equal(Buffer.from(request?.key ?? []).toString(), 'scheduler');
  assert.equal(store.codec.decode(request?.value ?? new Uint8Array()), 'node-7');
  assert.equal(store.releases, 1);
});

test('elect prints the leaders as they change', async () => {
  const store = new MemoryStore();
  store.leaderList = [undefined, store.codec.encode('node-7'), store.codec.encode('node-8')];
  const { exit, data, notes } = await kvctl(['elect', 'scheduler', '--observe'], { store });
  assert.deepEqual([exit, data.toString(), notes], [0, 'node-7\nnode-8\n', 'no leader\n']);
  for (const words of [['k'], ['k', 'v'], ['k', 'v', '--observe']]) {
    assert.equal((await kvctl(['elect', ...words], { store })).exit, 2);
  }
});

test('locks prints owners, and with a name the whole queue', async () => {
  const store = new MemoryStore();
  const none = await kvctl(['locks'], { store });
  assert.deepEqual([none.exit, none.data.length], [1, 0]);
  store.ticketList = [
    ticket('report', 42),
    ticket('report', 0, { lease: 'b'.repeat(32), age: 500 }),
    ticket('slots', 50, { kind: 'semaphore', permits: 3 }),
  ];
  const owners = await kvctl(['locks'], { store, environment: { NO_COLOR: '1' } });
  assert.equal(owners.exit, 0);
  const text = owners.data.toString();
  assert.match(text, /report\towns, 1 waiting\texclusive\t42\t1m\ta{32}\tnightly/);
  assert.match(text, /slots\towns\t3 permits/);
  const queue = await kvctl(['locks', 'report', '-o', 'json'], { store });
  const rows = JSON.parse(queue.data.toString());
  assert.deepEqual(
    rows.map((row: { readonly name: string; readonly token: number }) => [row.name, row.token]),
    [
      ['report', 42],
      ['report', 0],
    ],
  );
  assert.equal((await kvctl(['locks', 'other'], { store })).exit, 1);
});

test('lease list prints each lease once, with its shards and the shortest time left', async () => {
  const store = new MemoryStore();
  const [one, two] = ['a'.repeat(32), 'b'.repeat(32)];
  store.leaseList = [lease(one, 1), lease(one, 3, { left: 4000 }), lease(two, 2)];
  const { exit, data } = await kvctl(['lease', 'list', '-o', 'json'], { store });
  assert.equal(exit, 0);
  const rows = JSON.parse(data.toString());
  assert.deepEqual(
    rows.map((row: { readonly shards: number[]; readonly left: number }) => [row.shards, row.left]),
    [
      [[1, 3], 4000],
      [[2], 9000],
    ],
  );
  assert.equal(rows[0].tickets, 2);
});

test('lease revoke ends a lease, and says if there is none', async () => {
  const store = new MemoryStore();
  const id = 'a'.repeat(32);
  assert.equal((await kvctl(['lease', 'revoke', id], { store })).exit, 1);
  store.leaseList = [lease(id, 1)];
  const { exit, data } = await kvctl(['lease', 'revoke', id], { store });
  assert.deepEqual([exit, data.toString()], [0, `${id}\n`]);
  assert.deepEqual(store.revoked, [id, id]);
  for (const words of [[], ['revoke'], ['end', id], ['list', id]]) {
    assert.equal((await kvctl(['lease', ...words], { store })).exit, 2);
  }
});

test('writes of a command under a lock are guarded by its fence', async () => {
  const writes = [
    ['set', 'k', 'v'],
    ['add', 'n'],
    ['delete', 'k'],
    ['txn', 'set k v'],
  ];
  const environment = { RINGKV_FENCE: 'of the lock' };
  const fencesOf = async (more: readonly string[], variables: NodeJS.ProcessEnv) => {
    const store = new MemoryStore();
    for (const words of writes) {
      const { exit } = await kvctl([...words, ...more], { store, environment: variables });
      assert.equal(exit, 0, words.join(' '));
    }
    return store.fences;
  };
  assert.deepEqual(
    await fencesOf([], environment),
    writes.map(() => 'of the lock'),
  );
  assert.deepEqual(
    await fencesOf(['--fence', 'own'], environment),
    writes.map(() => 'own'),
  );
  assert.deepEqual(
    await fencesOf([], { RINGKV_FENCE: '' }),
    writes.map(() => undefined),
  );
});

test('lock guards the keys that are named, before the command runs', async () => {
  const store = new MemoryStore();
  const words = ['lock', 'stock', '--guard', 'a', '--guard', 'b', '--', 'true'];
  assert.equal((await kvctl(words, { store })).exit, 0);
  const [request] = store.lockRequests;
  assert.deepEqual(
    request?.guarded.map((key) => Buffer.from(key).toString()),
    ['a', 'b'],
  );
  const permit = ['lock', 'stock', '--guard', 'a', '--permits', '2', '--', 'true'];
  assert.equal((await kvctl(permit, { store })).exit, 2);
});
