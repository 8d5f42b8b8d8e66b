/** Three real nodes: locks pass on when their owners and the leaders die, and tools list them. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askInfo, askLeases, askTickets, revokeLease } from '../../src/admin.ts';
import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { freePort } from './child-node.ts';
import { untilSpread } from './spread.ts';

const NODE = fileURLToPath(new URL('./cluster-node.js', import.meta.url));
const OWNER = fileURLToPath(new URL('./lock-owner.js', import.meta.url));
const TTL = 5000;

interface RunningNode {
  readonly url: string;
  readonly child: ChildProcess;
}

async function lineOf(child: ChildProcess): Promise<string> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`it ended with ${code}`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), ended]);
  return String(line).trim();
}

async function clusterOf(context: TestContext): Promise<readonly RunningNode[]> {
  const folder = temporaryFolder();
  const nodes: RunningNode[] = [];
  let first = '';
  for (const number of [1, 2, 3]) {
    const port = await freePort();
    const how = number === 1 ? ['1'] : ['0', first];
    const child = spawn(process.execPath, [NODE, `${folder}/n${number}`, `${port}`, ...how]);
    context.after(() => child.kill('SIGKILL'));
    await lineOf(child);
    first ||= `ws://127.0.0.1:${port}`;
    nodes.push({ url: `kv://127.0.0.1:${port}`, child });
  }
  await untilSpread(nodes[0]?.url ?? '');
  return nodes;
}

/** The node that leads the one shard. */
async function leaderOf(nodes: readonly RunningNode[]): Promise<RunningNode> {
  for (;;) {
    for (const node of nodes) {
      const { replicas } = JSON.parse(await askInfo(node.url)) as {
        readonly replicas: readonly { readonly shard: number; readonly role: string }[];
      };
      if (replicas.some(({ shard, role }) => shard === 1 && role === 'leader')) return node;
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

async function kill({ child }: Pick<RunningNode, 'child'>): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

test('a lock passes on when its owner and the leader of its shard die', async (context) => {
  const nodes = await clusterOf(context);
  const urls = nodes.map(({ url }) => url);
  const owner = spawn(process.execPath, [OWNER, urls.join(','), `${TTL}`]);
  context.after(() => owner.kill('SIGKILL'));
  const former = await lineOf(owner);
  const kv = await connect(urls);
  context.after(() => kv.close());
  const positions: number[] = [];
  const waiting = kv.lock('cron', { wait: 60_000, onWait: (place) => positions.push(place) });
  while (positions.length === 0) await new Promise((resume) => setTimeout(resume, 20));

  await kill(await leaderOf(nodes));
  // The owner lives: a leader that dies takes nothing from it.
  assert.equal(await kv.tryLock('cron'), undefined);
  assert.equal((await kv.get('instance'))?.value, owner.pid);

  await kill({ child: owner });
  const lock = await waiting;
  assert.equal(lock.isOwned, true);
  await lock.guard(['job']);
  await kv.set('job', 'of the newer owner', { fence: lock });
  await assert.rejects(kv.set('job', 'late', { fence: former }), { code: 'fenced' });
  assert.equal((await kv.get('job'))?.value, 'of the newer owner');
  while ((await kv.get('instance')) !== undefined) {
    await new Promise((resume) => setTimeout(resume, 100));
  }
  await lock.release();
});

test('tools list the leases and locks of a cluster, and end a lease', async (context) => {
  const nodes = await clusterOf(context);
  const urls = nodes.map(({ url }) => url);
  const kv = await connect(urls);
  context.after(() => kv.close());
  const lease = await kv.lease({ ttl: 4000, note: 'worker 7' });
  const lock = await kv.lock('report', { lease, note: 'nightly' });
  const waiting = kv.lock('report', { wait: 30_000 });
  let queue = await askTickets(urls);
  while (queue.length < 2) queue = await askTickets(urls);
  assert.deepEqual(
    queue.map(({ name, token }) => [new TextDecoder().decode(name), token]),
    [
      ['report', lock.fence.token],
      ['report', 0],
    ],
  );
  assert.deepEqual([queue[0]?.lease, queue[0]?.note], [lock.owner, 'nightly']);
  const listed = (await askLeases(urls)).find(({ id }) => id === lease.id);
  assert.deepEqual([listed?.note, listed?.ttl, listed?.tickets], ['worker 7', 4000, 1]);
  assert.equal(await revokeLease(urls, lease.id), true);
  const next = await waiting;
  assert.ok(next.fence.token > lock.fence.token);
  assert.deepEqual(await lease.ended, { reason: 'revoked' });
  assert.deepEqual([lock.isOwned, lock.signal.aborted], [false, true]);
  assert.equal(await revokeLease(urls, 'f'.repeat(32)), false);
  await next.release();
});
