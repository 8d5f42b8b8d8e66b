/** Accounts in all shards: transactions move money, and never create any. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import type { Workload } from './workload.ts';

const NAME = 'bank';
const PREFIX = 'account-';
const ACCOUNTS = Array.from({ length: 8 }, (_, at) => `${PREFIX}${at}`);
/** The balance of an untouched account. */
const BEGINNING = 100;
const TOTAL = BEGINNING * ACCOUNTS.length;
const CALL = { timeout: 5000 };

export const BANK: Workload = {
  name: NAME,
  weight: 12,

  async step(worker) {
    const dice = worker.random.fraction();
    if (dice < 0.6) await move(worker);
    else if (dice < 0.8) await look(worker);
    else await scan(worker);
  },

  async finish(worker) {
    await look(worker);
    await scan(worker);
  },

  judge: (history) => history.flatMap(judgeLook),
};

/** From one account to one or two others. */
async function move(worker: Worker): Promise<void> {
  const { kv, random } = worker;
  const accounts = random.shuffle([...ACCOUNTS]).slice(0, random.pick([2, 2, 3]));
  const amount = random.between(1, 50);
  const operation = { workload: NAME, input: { kind: 'move', accounts, amount } };
  await worker.call(operation, () =>
    kv.transaction(async (transaction) => {
      const entries = await transaction.getMany<number>(accounts);
      for (const [at, account] of accounts.entries()) {
        const change = at === 0 ? -amount * (accounts.length - 1) : amount;
        transaction.set(account, (entries[at]?.value ?? BEGINNING) + change);
      }
    }, CALL),
  );
}

async function look(worker: Worker): Promise<void> {
  await worker.call(
    { workload: NAME, input: { kind: 'look' } },
    () => worker.kv.snapshot<number>(ACCOUNTS, CALL),
    (entries) => ({ balances: entries.map((entry) => entry?.value ?? BEGINNING) }),
  );
}

/** A range in a transaction is one view. Missing accounts count as well. */
async function scan(worker: Worker): Promise<void> {
  await worker.call(
    { workload: NAME, input: { kind: 'scan' } },
    () =>
      worker.kv.transaction(async (transaction) => {
        const balances = new Map(ACCOUNTS.map((account) => [account, BEGINNING]));
        for await (const { key, value } of transaction.scan<number>({ prefix: PREFIX })) {
          balances.set(String(key), value as number);
        }
        return [...balances.values()];
      }, CALL),
    (balances) => ({ balances }),
  );
}

function judgeLook({ workload, input, outcome, output }: Recorded): string[] {
  if (workload !== NAME || outcome !== 'ok' || input.kind === 'move') return [];
  const balances = output.balances as readonly number[];
  const total = balances.reduce((sum, balance) => sum + balance, 0);
  return total === TOTAL
    ? []
    : [`${input.kind}: ${balances.join(' ')} make ${total}, not ${TOTAL}`];
}
