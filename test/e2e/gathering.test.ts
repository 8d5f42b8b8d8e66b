/** Real nodes: leaders gather on one of them, and on another once it is gone. */

import { deepEqual } from 'node:assert/strict';
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

async function untilOneLeads(urls: readonly string[], at: number): Promise<void> {
  const until = performance.now() + PATIENCE_MILLISECONDS;
  let led: number[] = [];
  while (performance.now() < until) {
    led = await Promise.all(urls.map(ledBy));
    const [others, most] = [led.filter((_, other) => other !== at), led[at] ?? 0];
    if (most >= SHARDS && others.every((count) => count <= 1)) return;
    await new Promise((resume) => setTimeout(resume, 200));
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
