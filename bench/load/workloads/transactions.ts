/** Transactions over several shards: blind writes, and transfers between accounts. */

import { equal } from 'node:assert/strict';
import { numbersApart, zipfian } from '../../cluster/keys.ts';
import { verifyKeys, writeKeys } from './single-keys.ts';
import type { Scene, Workload } from './workload.ts';

const ACCOUNTS = 10_000;
const BALANCE = 1000;
const SKEW = 0.99;
const AT_ONCE = 1000;

const zipfAccount = zipfian(ACCOUNTS, SKEW);
const uniformAccount = () => Math.floor(Math.random() * ACCOUNTS);

export const TRANSACTIONS: Readonly<Record<string, Workload>> = {
  txn2: {
    about: 'set two keys of two shards atomically',
    work: (scene) => setApart(scene, 2),
    verify: verifyKeys,
  },
  txn3: {
    about: 'set three keys of three shards atomically',
    work: (scene) => setApart(scene, 3),
    verify: verifyKeys,
  },
  'transfer-uniform': {
    about: 'read and write two of 10 000 accounts',
    prepare: openAccounts,
    work: (scene) => transfer(scene, uniformAccount),
    verify: verifyTotal,
  },
  'transfer-zipf': {
    about: 'the same, accounts by Zipf 0.99',
    prepare: openAccounts,
    work: (scene) => transfer(scene, zipfAccount),
    verify: verifyTotal,
  },
};

/** Fewer keys if there are not so many shards. */
export function setApart(scene: Scene, count: number): Promise<void> {
  const { shards } = scene.shape;
  const numbers = numbersApart(Math.min(count, shards), shards, scene.uniform);
  return writeKeys(scene, numbers, (kv, ...rows) => {
    const atomic = kv.atomic();
    for (const [key, value] of rows) atomic.set(key, value);
    return atomic.commit();
  });
}

function accountOf(number: number): string {
  return `account-${number}`;
}

function someAccounts(from: number): readonly string[] {
  return Array.from({ length: AT_ONCE }, (_, at) => accountOf(from + at));
}

async function openAccounts({ client }: Scene): Promise<void> {
  const balance = Buffer.from(String(BALANCE));
  for (let from = 0; from < ACCOUNTS; from += AT_ONCE) {
    await Promise.all(someAccounts(from).map((key) => client().set(key, balance)));
  }
}

async function transfer({ client }: Scene, draw: () => number): Promise<void> {
  const [payer, payee] = [draw(), draw()];
  if (payer === payee) return;
  const keys = [accountOf(payer), accountOf(payee)] as const;
  await client().transaction(async (tx) => {
    const entries = await tx.getMany(keys);
    const [from = 0, to = 0] = entries.map((entry) => balanceIn(entry?.value));
    tx.set(keys[0], Buffer.from(String(from - 1)));
    tx.set(keys[1], Buffer.from(String(to + 1)));
  });
}

function balanceIn(value: unknown): number {
  return Number(Buffer.from((value ?? []) as Uint8Array).toString());
}

async function verifyTotal({ client }: Scene): Promise<void> {
  let total = 0;
  for (let from = 0; from < ACCOUNTS; from += AT_ONCE) {
    const entries = await client().getMany(someAccounts(from));
    total += entries.reduce((sum, entry) => sum + balanceIn(entry?.value), 0);
  }
  equal(total, ACCOUNTS * BALANCE, 'no transfer creates or destroys money');
}
