/** Reads and writes of single keys, and scans. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Client, Read } from '../../../src/index.ts';
import { keyNumbered } from '../../cluster/keys.ts';
import { type KeyWrite, lastStampsOf, sharedNow } from '../last-writes.ts';
import type { Done, Scene, Workload } from './workload.ts';

/** One key in so many is checked in the end. */
const CHECKED_ONE_IN = 64;
const FILL_AT_ONCE = 1000;
const FILL_BYTES = 16 * 1024 * 1024;
const CHECKS = 1000;
const SCAN_ROWS = 100;
const LARGE_KEYS = 200;
const LARGE_BYTES = 64 * 1024;
const HOT_KEY = 'hot';
const FILLER = 7;

let stamps = 0;
const values = new Map<number, Uint8Array>();

/** One value of this size for all keys. */
export function fillerOf(bytes: number): Uint8Array {
  const value = values.get(bytes) ?? new Uint8Array(bytes).fill(FILLER);
  values.set(bytes, value);
  return value;
}

/** All keys, as every workload expects them. */
export async function fill({ shape, client }: Scene, onKey: (done: number) => void): Promise<void> {
  const value = fillerOf(shape.valueBytes);
  // By one client: the sessions of the others begin when they are measured.
  const kv = client();
  const atOnce = Math.min(FILL_AT_ONCE, Math.ceil(FILL_BYTES / shape.valueBytes));
  for (let from = 0; from < shape.keys; from += atOnce) {
    const length = Math.min(atOnce, shape.keys - from);
    const some = Array.from({ length }, (_, at) => keyNumbered(from + at));
    await Promise.all(some.map((key) => kv.set(key, value, { timeout: 60_000 })));
    onKey(from + length);
  }
}

/** Writes one of the filled keys; what some of them contain in the end is checked. */
export async function put(scene: Scene, number: number): Promise<void> {
  await writeKeys(scene, [number], (kv, [key = '', value]) => kv.set(key, value));
}

type WriteKeys = (kv: Client, ...rows: (readonly [key: string, value: Uint8Array])[]) => unknown;

/** Some keys in one call. */
export async function writeKeys(
  { client, shape, writes }: Scene,
  numbers: readonly number[],
  write: WriteKeys,
): Promise<void> {
  const open = numbers.map((number) => {
    const key = keyNumbered(number);
    if (number % CHECKED_ONE_IN !== 0) return { key, value: fillerOf(shape.valueBytes) };
    stamps += 1;
    const stamp = `${process.pid}.${stamps}`;
    return {
      key,
      value: stamped(stamp, shape.valueBytes),
      write: writes.begin(key, stamp, sharedNow()),
    };
  });
  await write(client(), ...open.map(({ key, value }) => [key, value] as const));
  for (const { write } of open) if (write !== undefined) writes.acknowledge(write, sharedNow());
}

/** The stamp, and the filler after it as far as there is room. */
function stamped(stamp: string, bytes: number): Uint8Array {
  const text = Buffer.from(stamp);
  const value = new Uint8Array(Math.max(bytes, text.length)).fill(FILLER);
  value.set(text);
  return value;
}

function stampIn(value: unknown): string {
  const bytes = Buffer.from(value as Uint8Array);
  const end = bytes.indexOf(FILLER);
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString();
}

export async function get(scene: Scene, key: string, read: Read = 'linearizable'): Promise<void> {
  const entry = await scene.client().get(key, { read });
  ok(entry !== undefined, `${key} exists, and a read must see it`);
}

export async function scanFrom({ client }: Scene, number: number, limit: number): Promise<number> {
  let rows = 0;
  for await (const _entry of client().scan({ from: keyNumbered(number), limit })) rows += 1;
  return rows;
}

/** Linearizable reads: the last writes of the checked keys, and a sample of all keys. */
export async function verifyKeys(scene: Scene, { writes }: Done): Promise<void> {
  const byKey = new Map<string, KeyWrite[]>();
  for (const write of writes) {
    const own = byKey.get(write.key);
    if (own === undefined) byKey.set(write.key, [write]);
    else own.push(write);
  }
  const checked = [...byKey.keys()];
  for (let from = 0; from < checked.length; from += CHECKS) {
    const some = checked.slice(from, from + CHECKS);
    for (const [at, entry] of (await scene.client().getMany(some)).entries()) {
      const key = some[at] ?? '';
      const stamps = lastStampsOf(byKey.get(key) ?? []);
      if (stamps === undefined) continue;
      const stored = stampIn(entry?.value);
      ok(stamps.has(stored), `${key} has ${stored}, which an acknowledged write has overwritten`);
    }
  }
  const some = Array.from({ length: CHECKS }, () => keyNumbered(scene.uniform()));
  for (const entry of await scene.client().getMany(some)) {
    const value = entry?.value as Uint8Array | undefined;
    equal(value?.at(-1), FILLER, 'every key has a value');
  }
}

export const SINGLE_KEYS: Readonly<Record<string, Workload>> = {
  put: {
    about: 'set a key, uniform',
    work: (scene) => put(scene, scene.uniform()),
    verify: verifyKeys,
  },
  get: { about: 'linearizable get', work: (scene) => get(scene, keyNumbered(scene.uniform())) },
  'get-lease': {
    about: 'get from the lease of the leader',
    work: (scene) => get(scene, keyNumbered(scene.uniform()), 'lease'),
  },
  'get-stale': {
    about: 'get from any replica, up to 1 s old',
    work: (scene) => get(scene, keyNumbered(scene.uniform()), { stale: { maxMs: 1000 } }),
  },
  scan: {
    about: `${SCAN_ROWS} rows in their order, over all shards`,
    work: async (scene) => {
      const from = Math.max(0, scene.uniform() - SCAN_ROWS);
      equal(await scanFrom(scene, from, SCAN_ROWS), SCAN_ROWS, 'a scan sees every key');
    },
  },
  'hot-key': {
    about: 'all callers add to one key',
    prepare: ({ client }) => client().delete(HOT_KEY),
    work: ({ client }) => client().add(HOT_KEY, 1),
    verify: async ({ client }, { operations, failed }) => {
      const sum = Number(await client().add(HOT_KEY, 0));
      const isRight = sum >= operations && sum <= operations + failed;
      ok(isRight, `${operations} additions were acknowledged, ${failed} failed, the sum is ${sum}`);
    },
  },
  'large-put': {
    about: `set values of ${LARGE_BYTES / 1024} KiB`,
    work: ({ client, uniform }) =>
      client().set(`large-${uniform() % LARGE_KEYS}`, fillerOf(LARGE_BYTES)),
    verify: async ({ client }) => {
      for await (const { value } of client().scan({ prefix: 'large-' })) {
        deepEqual(value, fillerOf(LARGE_BYTES));
      }
    },
  },
  'many-shards': {
    about: 'put over 256 shards',
    shape: { shards: 256 },
    work: (scene) => put(scene, scene.uniform()),
    verify: verifyKeys,
  },
  connections: {
    about: 'put by 500 clients, each with connections of its own',
    shape: { clients: 500 },
    work: (scene) => put(scene, scene.uniform()),
    verify: verifyKeys,
  },
  keys: {
    about: 'put into a million keys',
    shape: { keys: 1_000_000 },
    work: (scene) => put(scene, scene.uniform()),
    verify: verifyKeys,
  },
};
