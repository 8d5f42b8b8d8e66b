/** Real nodes: leaders gather on one of them, and on another once it is gone. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';

const SHARDS = 8;
const PATIENCE_MILLISECONDS = 120_000;

/** Of the data shards; the catalog's leader may be anywhere. 0 for a node that is down. */
async function ledBy(url: string): Promise<number> {
  const asked = fetch(`${url.replace('kv:', 'http:')}/metrics`).then((answer) => answer.text());
  const metrics = await asked.catch(() => '');
  return Number(/^ringkv_leaders (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

async function untilOneLeads(urls: readonly string[], at: number): Promise<void> {
  const until = performance.now() + PATIENCE_MILLISECONDS;
  let led: number[] = [];
  while (performance.now() < until) {
    led = await Promise.all(urls.map(ledBy));
    const [others, most] = [led.filter((_, other) => other !== at), led[at] ?? 0];
    if (most >= SHARDS && others.every((count) => count <= 1)) return;
    await pause(200);
  }
  deepEqual(led, `node ${at + 1} leads all shards`);
}

test('leaders gather on the first node, on the second without it, and return', async () => {
  const cluster = new NodeCluster(temporaryFolder());
  try {
    await cluster.grow(SHARDS);
    const [first] = cluster.members;
    if (first === undefined) throw new Error('there is a first node');
    await untilOneLeads(cluster.urls, 0);
    await cluster.kill(first);
    await untilOneLeads(cluster.urls, 1);
    await cluster.start(first);
    await untilOneLeads(cluster.urls, 0);
  } finally {
    await cluster.end();
  }
});

test('leaders that the operator wants spread are led by all nodes', async () => {
  process.env.RINGKV_LEADERS = 'spread';
  const cluster = new NodeCluster(temporaryFolder());
  try {
    await cluster.grow(SHARDS);
    const isSpread = async () => (await Promise.all(cluster.urls.map(ledBy))).every((n) => n >= 2);
    const until = performance.now() + PATIENCE_MILLISECONDS;
    while (!(await isSpread()) && performance.now() < until) await pause(200);
    // Longer than a leader stays in office before it hands over to where leaders gather.
    await pause(20_000);
    ok(await isSpread(), 'leaders stay on all nodes');
  } finally {
    delete process.env.RINGKV_LEADERS;
    await cluster.end();
  }
});
