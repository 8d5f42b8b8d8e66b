/** Ten thousand watches of one client, a thousand of them of one key, while a node is killed. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';

const SHARDS = 8;
const WATCHES = 10_000;
const OF_ONE_KEY = 1000;
const TIMEOUT = { timeout: 120_000 };

/** Of each watch, the values that its loop was given; `compacted` is among them. */
function watchAll(kv: Client): { readonly given: string[][]; sync(): Promise<void> } {
  const given: string[][] = [];
  const watches = Array.from({ length: WATCHES }, (_, at) => {
    const watch = kv.watch<string>({ key: keyOf(at), initial: false });
    const own: string[] = [];
    given.push(own);
    void (async () => {
      for await (const event of watch) {
        if (event.type === 'set') own.push(event.value);
        else if (event.type === 'compacted') own.push(event.type);
      }
    })().catch(() => {});
    return watch;
  });
  return {
    given,
    sync: async () => {
      await Promise.all(watches.map((watch) => watch.sync(TIMEOUT)));
    },
  };
}

function keyOf(at: number): string {
  return at < OF_ONE_KEY ? 'hot' : `own-${at}`;
}

async function setAll(kv: Client, value: string): Promise<void> {
  const keys = new Set(Array.from({ length: WATCHES }, (_, at) => keyOf(at)));
  await Promise.all([...keys].map((key) => kv.set(key, value, TIMEOUT)));
}

test('ten thousand watches go on when a node is killed, and miss nothing', async () => {
  const cluster = new NodeCluster(temporaryFolder());
  try {
    await cluster.grow(SHARDS);
    const kv = await connect(cluster.urls, TIMEOUT);
    const watcher = await connect(cluster.urls, TIMEOUT);
    const { given, sync } = watchAll(watcher);
    await sync();
    await setAll(kv, 'before');
    await sync();
    const [first] = cluster.members;
    if (first !== undefined) await cluster.kill(first);
    await setAll(kv, 'behind');
    await sync();
    const odd = given.filter((values) => values.join() !== 'before,behind');
    deepEqual(odd.slice(0, 5), [], `${odd.length} watches were given something else`);
    const { watches, compactions, misfits } = watcher.stats();
    deepEqual({ watches, compactions, misfits }, { watches: WATCHES, compactions: 0, misfits: 0 });
    await watcher.close();
    equal(watcher.stats().watches, 0);
    await kv.close();
  } finally {
    await cluster.end();
  }
});
