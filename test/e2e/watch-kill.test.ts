/** Nodes are killed while watches and views follow: each change once, and none is lost. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, connect, type KeySet, type Watch, type WatchEvent } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { NodeCluster } from './node-cluster.ts';

const SHARDS = 4;
const KEYS = 40;
const KILLS = 3;

/** What a loop was given of each key: the version of its last change. */
class Follower {
  readonly versions = new Map<string, number>();
  changes = 0;
  compacted = 0;
  token = '';

  /** Until the watch is closed, or so many changes were given. */
  async follow(watch: Watch<WatchEvent<number>>, changesMax = Number.POSITIVE_INFINITY) {
    for await (const event of watch) {
      if (event.type === 'compacted') this.compacted += 1;
      if (event.type !== 'set') continue;
      this.#take(event);
      if (this.changes >= changesMax) break;
    }
    this.token = watch.token;
  }

  #take({ key, version, previousVersion }: KeySet<number>): void {
    const name = String(key);
    equal(previousVersion, this.versions.get(name) ?? 0, `nothing is missing before ${name}`);
    ok(version > previousVersion, 'nothing comes twice');
    this.versions.set(name, version);
    this.changes += 1;
  }
}

/** Writes until it is told to end. Returns the latest version of each key. */
async function write(kv: Client, isOver: () => boolean): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (let count = 0; !isOver(); count++) {
    const key = `k${count % KEYS}`;
    // An unknown outcome may be a version that this writer does not know.
    const written = await kv.set(key, count, { timeout: 60_000 }).catch(() => undefined);
    if (written === undefined) versions.delete(key);
    else versions.set(key, written.version);
    await new Promise((resume) => setTimeout(resume, 3));
  }
  return versions;
}

test('a watch, a view and a token keeper follow a cluster whose nodes are killed', async () => {
  const cluster = new NodeCluster(temporaryFolder());
  try {
    await cluster.grow(SHARDS);
    const kv = await connect(cluster.urls, { timeout: 60_000 });
    const watcher = await connect(cluster.urls, { timeout: 60_000 });
    const watch = watcher.watch<number>({ prefix: 'k' });
    const whole = new Follower();
    const following = whole.follow(watch);
    const view = watcher.view<number>({ prefix: 'k' });
    await view.ready;
    await watch.sync();
    let isOver = false;
    const writing = write(kv, () => isOver);
    // Another loop is left after each few changes, and another one goes on from its token.
    const keeper = new Follower();
    const keeping = (async () => {
      while (!isOver) {
        const resume = keeper.token === '' ? {} : { resume: keeper.token };
        const part = watcher.watch<number>({ prefix: 'k', ...resume });
        await keeper.follow(part, keeper.changes + 25);
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      await new Promise((resume) => setTimeout(resume, 1500));
      const member = cluster.members[kill % cluster.members.length];
      ok(member !== undefined);
      await cluster.kill(member);
      await new Promise((resume) => setTimeout(resume, 1500));
      await cluster.start(member);
    }
    isOver = true;
    const written = await writing;
    // The last few changes, for a keeper that waits for them.
    for (let key = 0; key < KEYS; key++) {
      written.set(`k${key}`, (await kv.set(`k${key}`, -key, { timeout: 60_000 })).version);
    }
    await keeping;
    await watch.sync({ timeout: 60_000 });
    await view.sync({ timeout: 60_000 });
    deepEqual(new Map([...whole.versions].sort()), new Map([...written].sort()));
    const viewed = [...view].map(([key, { version }]) => [String(key), version] as const);
    deepEqual(new Map(viewed.sort()), new Map([...written].sort()));
    ok(keeper.changes >= 25, 'the keeper was given changes');
    deepEqual([whole.compacted, keeper.compacted], [0, 0], 'nothing was forgotten');
    equal(watcher.stats().misfits, 0);
    await watch.close();
    await following;
    await view.close();
    await watcher.close();
    await kv.close();
  } finally {
    await cluster.end();
  }
});
