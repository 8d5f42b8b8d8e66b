/**
 * Bank accounts on many shards, with an index by owner. One transaction moves money, another
 * changes the owner of an account together with the index, so neither is ever seen half done. The
 * keys of the index begin with the owner as a `{tag}`, so the accounts of one owner are in one
 * shard, and a scan asks only that. The receiver of a transfer is added to without being read, so
 * an account that many pay to is no bottleneck.
 *
 *     make up && node build/examples/bank-transfer.js
 *
 * A transfer that failed with the outcome `unknown` may have moved the money, so a plain retry
 * could move it twice. Here each transfer has an id and leaves a receipt in the same transaction.
 * Then a retry with the same id is safe: if the receipt is there, it does nothing.
 */

import { randomUUID } from 'node:crypto';
import { connect, type Transaction } from 'ringkv';

const DAY_MS = 24 * 60 * 60 * 1000;
const ACCOUNTS = ['checking', 'savings', 'business'];

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const balances = kv.space<number>('balance');
const owners = kv.space<string>('owner');
const accounts = kv.space<string>('accounts-of'); // `{owner}name`: the name of the account.

/** Gives an account to an owner, and keeps the index in step. */
async function assign(name: string, owner: string): Promise<void> {
  await kv.transaction(async (tx) => {
    const old = await tx.in(owners).get(name);
    tx.in(accounts).delete(`{${old?.value}}${name}`).set(`{${owner}}${name}`, name);
    tx.in(owners).set(name, owner);
  });
}

async function accountsOf(owner: string): Promise<string> {
  const names: string[] = [];
  for await (const { value } of accounts.scan({ prefix: `{${owner}}` })) names.push(value);
  return `${owner} has ${names.join(' and ') || 'no account'}`;
}

/** Moves the money once for each id, however often it is called. Tells how often it had to run. */
async function transfer(id: string, from: string, to: string, amount: number): Promise<number> {
  const move = async (tx: Transaction): Promise<void> => {
    if (await tx.get(['receipt', id])) return;
    const balance = (await tx.in(balances).get(from))?.value ?? 0;
    // A throw reaches the caller only if everything read above was true at one moment.
    if (balance < amount) throw new Error(`${from} does not have ${amount}`);
    tx.in(balances).add(from, -amount).add(to, amount);
    tx.set(['receipt', id], `${amount} from ${from} to ${to}`, { ttl: DAY_MS });
  };
  return (await kv.transaction(move, { details: true })).attempts;
}

/** What all accounts hold as of one moment. */
async function total(): Promise<string> {
  const found = (await balances.snapshot(ACCOUNTS)).map((entry) => entry?.value ?? 0);
  return `${found.join(' + ')} = ${found.reduce((sum, balance) => sum + balance)}`;
}

for (const name of ACCOUNTS) {
  await balances.set(name, 100);
  await assign(name, name === 'business' ? 'grace' : 'ada');
}
console.log(`${await accountsOf('ada')}, ${await accountsOf('grace')}: ${await total()}`);

const next = (at: number) => ACCOUNTS[(at + 1) % ACCOUNTS.length] ?? '';
const moves = ACCOUNTS.map((from, at) => transfer(randomUUID(), from, next(at), 30));
const runs = (await Promise.all(moves)).reduce((sum, attempts) => sum + attempts);
console.log(`three transfers at once, in a circle, in ${runs} runs: ${await total()}`);

const payRent = () => transfer('rent of May', 'checking', 'business', 10);
await payRent().catch(payRent); // The same id: safe to repeat, whatever the outcome.
await payRent();
console.log(`rent, sent twice and paid once: ${await total()}`);

const refused = await transfer(randomUUID(), 'savings', 'business', 1000).catch(String);
console.log(`refused: ${refused}`);

await assign('business', 'ada');
console.log(`${await accountsOf('ada')}, ${await accountsOf('grace')}`);
await kv.close();
