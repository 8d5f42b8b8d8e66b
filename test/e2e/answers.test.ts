/** The answers of a node are bounded, and its clients share it, on real sockets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMap } from '../../src/catalog/map-bytes.ts';
import { shardAt } from '../../src/catalog/questions.ts';
import { bytes, type Client, connect } from '../../src/index.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { Request } from '../../src/wire/request.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';
import { RawClient } from './raw-client.ts';

const MIB = 1024 * 1024;
const TERMS = { level: { type: 'linearizable' }, patienceMilliseconds: 60_000 } as const;

interface Running {
  readonly node: LoneNode;
  readonly kv: Client;
  readonly raw: RawClient;
  /** The decoded size of a read that names this key. */
  place(key: string): Promise<{ shard: number; epoch: number }>;
}

async function withNode(use: (running: Running) => Promise<void>): Promise<void> {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url], { codec: bytes });
  const raw = await RawClient.open(node.port);
  const place = async (key: string) => {
    const answer = await raw.ask({ type: 'map', id: 1, knownVersion: 0 });
    const map = answer.type === 'map' ? decodeMap(answer.map, undefined) : undefined;
    assert.ok(map);
    return shardAt(map, keyPosition(Buffer.from(key)));
  };
  try {
    await use({ node, kv, raw, place });
    assert.ok(node.isRunning);
  } finally {
    raw.end();
    await kv.close();
    await node.end();
  }
}

test('a small frame that asks for 640 MB is answered, and never held as a whole', async () => {
  await withNode(async ({ node, kv, raw, place }) => {
    await kv.set('big', new Uint8Array(1_000_000).fill(7));
    const { shard, epoch } = await place('big');
    const keys = Array.from({ length: 16 }, () => Buffer.from('big'));
    const about = { shard, epoch, ...TERMS, keys };
    const reads = Array.from({ length: 40 }, (_, at) => ({ type: 'read', id: at + 1, ...about }));
    const before = node.peakBytes;
    raw.isCounting = true;
    raw.send(...(reads as Request[]));
    await raw.until(() => raw.received > 640_000_000);
    const took = node.peakBytes - before;
    assert.ok(took < 250 * MIB, `it took ${Math.round(took / MIB)} MiB more`);
  });
});

test('an honest client that asks for 60 MB at once gets all of it', async () => {
  await withNode(async ({ kv }) => {
    const names = Array.from({ length: 600 }, (_, at) => `k${at}`);
    const value = new Uint8Array(100_000).fill(3);
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(names.slice(from, from + 50).map((name) => kv.set(name, value)));
    }
    const entries = await Promise.all(names.map((name) => kv.get(name, { timeout: 60_000 })));
    for (const entry of entries) {
      assert.equal((entry?.value as Uint8Array | undefined)?.length, value.length);
    }
  });
});

test('a client that counts ranges without end does not starve others', async () => {
  await withNode(async ({ kv, raw, place }) => {
    const names = Array.from({ length: 3000 }, (_, at) => `k${at}`);
    await Promise.all(names.map((name) => kv.set(name, new Uint8Array(100))));
    const { shard, epoch } = await place('k1');
    const ends = { from: new Uint8Array(), to: new Uint8Array() };
    const range = { ...ends, isReverse: false, answer: 'count', rowsMax: 4096 } as const;
    const about = { shard, epoch, ...TERMS, range };
    const ranges = Array.from({ length: 2000 }, (_, at) => ({
      type: 'range',
      id: at + 1,
      ...about,
    }));
    raw.send(...(ranges as Request[]));
    await raw.until(() => raw.answered > 10);
    const before = raw.answered;
    const rounds = 10;
    for (let round = 0; round < rounds; round++) await kv.set('k1', new Uint8Array(10));
    const meanwhile = raw.answered - before;
    // Without fair turns, all earlier requests would be answered first.
    assert.ok(meanwhile < 40 * rounds, `${meanwhile} ranges were counted during ${rounds} writes`);
  });
});
