/**
 * Bank accounts on many shards, with an index by owner. One transaction moves money, another
 * changes an account together with its entry in the index, so neither is ever seen half done.
 *
 *     make up && node build/examples/bank-transfer.js
 *
 * A transfer that failed with the outcome `unknown` may have moved the money, so a plain retry
 * could move it twice. Here each transfer has an id and leaves a receipt in the same transaction.
 * Then a retry with the same id is safe: if the receipt is there, it does nothing.
 */

import { randomUUID } from 'node:crypto';
import { connect, KvError } from 'ringkv';

const DAY_MS = 24 * 60 * 60 * 1000;

type Account = { readonly owner: string; readonly balance: number };

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const accounts = kv.space<Account>('account');
const byOwner = kv.space<string>('account-by-owner'); // [owner, name]: the name of the account.
const receipts = kv.space<string>('receipt');

/** Opens an account or changes it, and keeps the index in step. */
async function update(name: string, change: Partial<Account>): Promise<void> {
  await kv.transaction(async (tx) => {
    const old = (await tx.in(accounts).get(name))?.value;
    const account = { owner: '', balance: 0, ...old, ...change };
    if (old !== undefined) tx.in(byOwner).delete([old.owner, name]);
    tx.in(byOwner).set([account.owner, name], name);
    tx.in(accounts).set(name, account);
  });
}

async function accountsOf(owner: string): Promise<string> {
  const names: string[] = [];
  for await (const { value } of byOwner.scan({ prefix: [owner] })) names.push(value);
  return `${owner} has ${names.join(' and ') || 'no account'}`;
}

/** Moves the money once for each id, however often it is called. */
async function transfer(id: string, from: string, to: string, amount: number): Promise<void> {
  if (from === to || !(amount > 0)) throw new Error('no such transfer');
  await kv.transaction(async (tx) => {
    if ((await tx.in(receipts).get(id)) !== undefined) return;
    const [payer, payee] = await tx.in(accounts).getMany([from, to]);
    if (payer === undefined || payee === undefined) throw new Error('no such account');
    // A throw from here reaches the caller only if everything read above was true at one moment.
    if (payer.value.balance < amount) throw new Error(`${from} does not have ${amount}`);
    tx.in(accounts).set(from, { ...payer.value, balance: payer.value.balance - amount });
    tx.in(accounts).set(to, { ...payee.value, balance: payee.value.balance + amount });
    tx.in(receipts).set(id, `${amount} from ${from} to ${to}`, { ttl: DAY_MS });
  });
}

/** What all accounts hold as of one moment. */
async function balances(): Promise<string> {
  const entries = await accounts.snapshot(['checking', 'savings', 'business']);
  const found = entries.map((entry) => entry?.value.balance ?? 0);
  return `${found.join(' + ')} = ${found.reduce((sum, balance) => sum + balance)}`;
}

await update('checking', { owner: 'ada', balance: 100 });
await update('savings', { owner: 'ada', balance: 100 });
await update('business', { owner: 'grace', balance: 100 });
console.log(`${await accountsOf('ada')}, ${await accountsOf('grace')}: ${await balances()}`);

await Promise.all([
  transfer(randomUUID(), 'checking', 'savings', 30),
  transfer(randomUUID(), 'savings', 'business', 30),
  transfer(randomUUID(), 'business', 'checking', 30),
]);
console.log(`three transfers at once, in a circle: ${await balances()}`);

const id = randomUUID();
const payRent = () => transfer(id, 'checking', 'business', 10);
await payRent().catch((error: unknown) => {
  if (error instanceof KvError) return payRent(); // The same id: safe, whatever the outcome.
  throw error;
});
await payRent();
console.log(`rent, sent twice and paid once: ${await balances()}`);

await transfer(randomUUID(), 'savings', 'business', 1000).catch((error: Error) => {
  console.log(`refused: ${error.message}`);
});

await update('business', { owner: 'ada' });
console.log(`${await accountsOf('ada')}, ${await accountsOf('grace')}`);

await kv.close();
