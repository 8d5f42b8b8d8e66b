/** Every workload on a store in memory: it runs, its checks hold, and a wrong store is told. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { keyNumbered, zipfian } from '../../bench/cluster/keys.ts';
import { runClosedLoop } from '../../bench/load/closed-loop.ts';
import { LastWrites } from '../../bench/load/last-writes.ts';
import { USUAL_SHAPE } from '../../bench/load/measurement.ts';
import { Inserts } from '../../bench/load/workloads/inserts.ts';
import { fill } from '../../bench/load/workloads/single-keys.ts';
import type { Done, Scene } from '../../bench/load/workloads/workload.ts';
import { WORKLOADS } from '../../bench/load/workloads/workloads.ts';
import { bytes, type Client, open } from '../../src/index.ts';

const KEYS = 2000;
const OPERATIONS = 300;
const SECONDS = 0.1;

async function withScene(use: (scene: Scene, kv: Client) => Promise<void>): Promise<void> {
  const kv = await open(':memory:', { codec: bytes });
  let numbered = 0;
  const scene: Scene = {
    shape: { ...USUAL_SHAPE, shards: 1, keys: KEYS },
    client: () => kv,
    writes: new LastWrites(),
    inserts: new Inserts({ from: KEYS, process: 0, processes: 1 }),
    // One after the other: only one key in 64 is checked, and each run has to meet some of them.
    uniform: () => {
      numbered += 1;
      return numbered % KEYS;
    },
    zipfian: zipfian(KEYS, 0.99),
  };
  try {
    await fill(scene, () => {});
    await use(scene, kv);
  } finally {
    await kv.close();
  }
}

/** As a driver does it, but for the processes. */
async function runSome(name: string, scene: Scene): Promise<Done> {
  const { prepare, work } = WORKLOADS[name] ?? {};
  assert.ok(work !== undefined);
  await prepare?.(scene);
  for (let at = 0; at < OPERATIONS; at++) await work(scene);
  const inserted = scene.inserts.sample(1000);
  return { operations: OPERATIONS, failed: 0, writes: scene.writes.take(), inserted };
}

test('every workload runs, and what it stored is found right', async () => {
  await withScene(async (scene) => {
    for (const [name, { verify }] of Object.entries(WORKLOADS)) {
      const done = await runSome(name, scene);
      await verify?.(scene, done);
    }
  });
});

test('a workload runs as a task of tinybench with several callers', async () => {
  await withScene(async (scene) => {
    let [open, most] = [0, 0];
    const work = async () => {
      open += 1;
      most = Math.max(most, open);
      await WORKLOADS.put?.work(scene);
      open -= 1;
    };
    const outcome = await runClosedLoop({ name: 'put', callers: 7, seconds: SECONDS, work });
    assert.ok(outcome.operations > 0 && outcome.latencies.count === outcome.operations);
    assert.equal(most, 7);
  });
});

test('an operation that fails ends a closed loop', async () => {
  const work = () => Promise.reject(new Error('refused'));
  const loop = { name: 'refused', callers: 2, seconds: SECONDS, work };
  await assert.rejects(runClosedLoop(loop), /refused/);
});

test('a store that lost what it acknowledged is found out', async () => {
  await withScene(async (scene, kv) => {
    const damage: Readonly<Record<string, (done: Done) => Promise<unknown>>> = {
      put: async ({ writes }) => {
        const lost = writes.at(-1);
        assert.ok(lost !== undefined);
        await kv.set(lost.key, Buffer.from('0.0\u0007'));
      },
      'hot-key': () => kv.add('hot', -1),
      'ycsb-d': ({ inserted }) => kv.delete(inserted.at(-1) ?? ''),
      'transfer-uniform': () => kv.set('account-0', Buffer.from('999999')),
      'large-put': () => kv.set('large-0', new Uint8Array(10)),
    };
    for (const [name, change] of Object.entries(damage)) {
      const done = await runSome(name, scene);
      await change(done);
      const verified = WORKLOADS[name]?.verify?.(scene, done);
      assert.ok(verified !== undefined);
      await assert.rejects(verified, { code: 'ERR_ASSERTION' }, name);
    }
  });
});

test('a read that misses a key is a wrong answer, not a slow one', async () => {
  await withScene(async (scene, kv) => {
    for (let at = 0; at < KEYS; at++) await kv.delete(keyNumbered(at));
    for (const name of ['get', 'get-lease', 'get-stale', 'scan', 'ycsb-c', 'ycsb-f']) {
      const call = async () => {
        for (let at = 0; at < 20; at++) await WORKLOADS[name]?.work(scene);
      };
      await assert.rejects(call, { code: 'ERR_ASSERTION' }, name);
    }
  });
});
