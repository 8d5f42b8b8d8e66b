/**
 * The workloads of ringkv, each a task of tinybench. To add one, write what a caller does once, and
 * what must hold when all callers have stopped.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Client, Read } from '../../src/index.ts';
import { keyNumbered, keysApart, zipfian } from '../cluster/keys.ts';
import { KEYS, SHARDS, VALUE_BYTES } from './measurement.ts';

interface Workload {
  /** Before any caller begins. */
  readonly prepare?: (kv: Client) => Promise<unknown>;
  /** One operation of one caller. */
  readonly work: (kv: Client) => Promise<unknown>;
  /** Throws if the system did something else than it acknowledged. */
  readonly verify?: (kv: Client, acknowledged: number) => Promise<void>;
}

export const VALUE = new Uint8Array(VALUE_BYTES).fill(7);
const LARGE_VALUE = new Uint8Array(64 * 1024).fill(7);
const ACCOUNTS = 10_000;
const BALANCE = 1000;
const SKEW = 0.99;
const SCAN_ROWS = 100;

const uniform = () => Math.floor(Math.random() * KEYS);
const zipf = zipfian(KEYS, SKEW);
const zipfAccount = zipfian(ACCOUNTS, SKEW);
const uniformAccount = () => Math.floor(Math.random() * ACCOUNTS);

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  put: { work: (kv) => kv.set(keyNumbered(uniform()), VALUE), verify: verifyKeys },
  get: { work: (kv) => getOne(kv, 'linearizable') },
  'get-lease': { work: (kv) => getOne(kv, 'lease') },
  'get-stale': { work: (kv) => getOne(kv, { stale: { maxMs: 1000 } }) },
  scan: { work: scanSome },
  // YCSB's mixes, with its distribution of keys.
  'ycsb-a': { work: (kv) => mix(kv, 0.5), verify: verifyKeys },
  'ycsb-b': { work: (kv) => mix(kv, 0.95), verify: verifyKeys },
  'ycsb-c': { work: (kv) => mix(kv, 1) },
  'ycsb-f': { work: readModifyWrite, verify: verifyKeys },
  txn2: { work: (kv) => setApart(kv, 2), verify: verifyKeys },
  txn3: { work: (kv) => setApart(kv, 3), verify: verifyKeys },
  'transfer-uniform': {
    prepare: openAccounts,
    work: (kv) => transfer(kv, uniformAccount),
    verify: verifyTotal,
  },
  'transfer-zipf': {
    prepare: openAccounts,
    work: (kv) => transfer(kv, zipfAccount),
    verify: verifyTotal,
  },
  'hot-key': {
    prepare: (kv) => kv.delete('hot'),
    work: (kv) => kv.add('hot', 1),
    verify: verifyHotKey,
  },
  'large-put': { work: (kv) => kv.set(`large-${uniform() % 1000}`, LARGE_VALUE) },
};

/** All keys, as every workload expects them. */
export async function fill(kv: Client): Promise<void> {
  for (let from = 0; from < KEYS; from += 1000) {
    const some = Array.from({ length: 1000 }, (_, at) => keyNumbered(from + at));
    await Promise.all(some.map((key) => kv.set(key, VALUE)));
  }
}

async function getOne(kv: Client, read: Read): Promise<void> {
  const entry = await kv.get(keyNumbered(uniform()), { read });
  ok(entry !== undefined, 'every key is there');
}

/** By a quarter of a key's digits, so that each scan yields about a hundred rows. */
async function scanSome(kv: Client): Promise<void> {
  const from = keyNumbered(uniform() % (KEYS - SCAN_ROWS));
  let rows = 0;
  for await (const _entry of kv.scan({ from, limit: SCAN_ROWS })) rows += 1;
  equal(rows, SCAN_ROWS);
}

function mix(kv: Client, reads: number): Promise<unknown> {
  const key = keyNumbered(zipf());
  return Math.random() < reads ? kv.get(key) : kv.set(key, VALUE);
}

async function readModifyWrite(kv: Client): Promise<void> {
  const key = keyNumbered(zipf());
  if (Math.random() < 0.5) await kv.get(key);
  else await kv.transaction(async (tx) => tx.set(key, (await tx.get(key))?.value ?? VALUE));
}

function setApart(kv: Client, count: number): Promise<unknown> {
  const atomic = kv.atomic();
  for (const key of keysApart(count, SHARDS, uniform)) atomic.set(key, VALUE);
  return atomic.commit();
}

function accountOf(number: number): string {
  return `account-${number}`;
}

async function openAccounts(kv: Client): Promise<void> {
  const balance = Buffer.from(String(BALANCE));
  for (let from = 0; from < ACCOUNTS; from += 1000) {
    const some = Array.from({ length: 1000 }, (_, at) => accountOf(from + at));
    await Promise.all(some.map((key) => kv.set(key, balance)));
  }
}

async function transfer(kv: Client, draw: () => number): Promise<void> {
  const [payer, payee] = [draw(), draw()];
  if (payer === payee) return;
  const keys = [accountOf(payer), accountOf(payee)] as const;
  await kv.transaction(async (tx) => {
    const entries = await tx.getMany(keys);
    const [from = 0, to = 0] = entries.map((entry) => balanceIn(entry?.value));
    tx.set(keys[0], Buffer.from(String(from - 1)));
    tx.set(keys[1], Buffer.from(String(to + 1)));
  });
}

function balanceIn(value: unknown): number {
  return Number(Buffer.from((value ?? []) as Uint8Array).toString());
}

async function verifyTotal(kv: Client): Promise<void> {
  let total = 0;
  for (let from = 0; from < ACCOUNTS; from += 1000) {
    const some = Array.from({ length: 1000 }, (_, at) => accountOf(from + at));
    const entries = await kv.getMany(some);
    total += entries.reduce((sum, entry) => sum + balanceIn(entry?.value), 0);
  }
  equal(total, ACCOUNTS * BALANCE, 'no transfer creates or destroys money');
}

async function verifyHotKey(kv: Client, acknowledged: number): Promise<void> {
  const sum = await kv.add('hot', 0);
  equal(Number(sum), acknowledged, 'the hot key has every acknowledged addition, once');
}

/** A sample of the keys, by linearizable reads. */
async function verifyKeys(kv: Client): Promise<void> {
  const some = Array.from({ length: 1000 }, () => keyNumbered(uniform()));
  for (const entry of await kv.getMany(some)) deepEqual(entry?.value, VALUE);
}
