/** Transactions on lists: what each of them read and appended shows their order. */

import { type Client, utf8 } from '../../../../src/index.ts';
import { checkListAppend } from '../../../checkers/list-append.ts';
import type { MicroOperation, Transaction } from '../../../checkers/list-append-history.ts';
import { type Fields, microseconds, type Recorded } from '../history.ts';
import { endingOf, type Worker } from '../worker.ts';
import { distinct, type Workload } from './workload.ts';

const NAME = 'list';
const KEYS = 8;
const OPERATIONS_MAX = 4;
const GENERATION_MICROSECONDS = 6_000_000;
const FINAL_KEYS = 16;
const CALL = { timeout: 5000 };
const ENCODER = new TextEncoder();

export const LISTS: Workload = {
  name: NAME,
  weight: 25,

  async step(worker) {
    const wishes = draw(worker);
    const isReading = wishes.every(({ type }) => type === 'read');
    const isAppending = wishes.every(({ type }) => type === 'append');
    if (isReading && worker.random.chance(0.5)) await readTogether(worker, keysOf(wishes));
    else if (isAppending && worker.random.chance(0.5)) await appendBlindly(worker, wishes);
    else await transact(worker, wishes);
  },

  async finish(worker, history) {
    const own = history.filter(({ workload }) => workload === NAME);
    const all = distinct(own.flatMap((each) => operationsOf(each).map(({ key }) => String(key))));
    for (let at = 0; at < all.length; at += FINAL_KEYS) {
      await readTogether(worker, all.slice(at, at + FINAL_KEYS));
    }
  },

  judge(history) {
    const verdict = checkListAppend(transactionsIn(history));
    return verdict.type === 'sound' ? [] : [`${verdict.name}: ${verdict.explanation}`];
  },
};

interface Wish {
  readonly type: 'read' | 'append';
  readonly key: string;
}

function draw({ random }: Worker): Wish[] {
  const generation = Math.floor(microseconds() / GENERATION_MICROSECONDS);
  const isReadOnly = random.chance(0.2);
  return Array.from({ length: random.between(1, OPERATIONS_MAX) }, () => {
    const number = random.below(KEYS);
    // Those with a tag lie in one shard.
    const tag = number % 2 === 0 ? `{list-${generation}-${number % 4}}-` : 'list-';
    const key = `${tag}${generation}-${number}`;
    return { type: isReadOnly || random.chance(0.4) ? 'read' : 'append', key };
  });
}

function keysOf(wishes: readonly Wish[]): string[] {
  return distinct(wishes.map(({ key }) => key));
}

function spaceOf(kv: Client) {
  return kv.space(NAME, { codec: utf8 });
}

/** A function that runs again has had no effect before: each run is a transaction of its own. */
async function transact(worker: Worker, wishes: readonly Wish[]): Promise<void> {
  let operations: MicroOperation[] = [];
  let end: ReturnType<Worker['begin']> | undefined;
  const space = spaceOf(worker.kv);
  try {
    await space.transaction(async (transaction) => {
      end?.('failed', { output: { operations }, error: 'run-again' });
      operations = wishes.map((wish): MicroOperation => {
        if (wish.type === 'read') return { ...wish, type: 'read', list: undefined };
        return { type: 'append', key: wish.key, element: worker.element() };
      });
      end = worker.begin(NAME, { kind: 'transaction', operations });
      const learnt: MicroOperation[] = [];
      for (const operation of operations) {
        const key = String(operation.key);
        const text = (await transaction.get(key))?.value ?? '';
        if (operation.type === 'append') transaction.set(key, `${text},${operation.element}`);
        learnt.push(operation.type === 'read' ? { ...operation, list: listIn(text) } : operation);
      }
      operations = learnt;
    }, CALL);
    end?.('ok', { output: { operations } });
  } catch (error) {
    const [outcome, rest] = endingOf(error);
    end?.(outcome, rest);
  }
}

/** Blindly, by the operation that appends. */
async function appendBlindly(worker: Worker, wishes: readonly Wish[]): Promise<void> {
  const operations = wishes.map(({ key }): MicroOperation => {
    return { type: 'append', key, element: worker.element() };
  });
  const texts = new Map<string, string>();
  for (const operation of operations) {
    if (operation.type !== 'append') continue;
    const key = String(operation.key);
    texts.set(key, `${texts.get(key) ?? ''},${operation.element}`);
  }
  await worker.call(
    { workload: NAME, input: { kind: 'append', operations } },
    () => {
      const atomic = spaceOf(worker.kv).atomic();
      for (const [key, text] of texts) atomic.append(key, ENCODER.encode(text));
      return atomic.commit(CALL);
    },
    () => ({ operations }),
  );
}

/** At one moment, wherever they lie. */
async function readTogether(worker: Worker, keys: readonly string[]): Promise<void> {
  const operations = keys.map((key): MicroOperation => ({ type: 'read', key, list: undefined }));
  await worker.call(
    { workload: NAME, input: { kind: 'read', operations } },
    () => spaceOf(worker.kv).snapshot(keys, CALL),
    (entries): Fields => ({
      operations: keys.map((key, at): MicroOperation => {
        return { type: 'read', key, list: listIn(entries[at]?.value ?? '') };
      }),
    }),
  );
}

function listIn(text: string): number[] {
  return text.split(',').slice(1).map(Number);
}

function operationsOf({ input, output }: Recorded): readonly MicroOperation[] {
  return (output.operations ?? input.operations ?? []) as readonly MicroOperation[];
}

/** After an unknown outcome a worker is another process: two of its operations may overlap. */
function transactionsIn(history: readonly Recorded[]): Transaction[] {
  const names = new Map<number, number>();
  let next = 1;
  return history
    .filter(({ workload }) => workload === NAME)
    .map((each): Transaction => {
      const process = names.get(each.process) ?? next++;
      names.set(each.process, process);
      if (each.outcome === 'unknown') names.delete(each.process);
      const { invoke: invokedAt, return: completedAt, outcome } = each;
      const operations = operationsOf(each).map((operation): MicroOperation => {
        return operation.type === 'read' ? { ...operation, list: operation.list } : operation;
      });
      return { process, invokedAt, completedAt, outcome, operations };
    });
}
