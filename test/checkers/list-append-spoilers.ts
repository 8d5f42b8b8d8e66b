/** Ways to spoil a history of transactions. */

import type { Random } from '../../src/base/random.ts';
import type { Key, MicroOperation, ReadOperation, Transaction } from './list-append-history.ts';

type History = readonly Transaction[];

/** Changes one thing at random; the result may still be strictly serializable. */
export function spoilTransactions(random: Random, history: History): History {
  const at = random.below(history.length);
  const victim = history[at];
  const other = random.pick(history);
  if (victim === undefined) return history;
  const { invokedAt } = other;
  const { operations } = victim;
  switch (random.below(8)) {
    case 0:
      return history.filter((transaction) => transaction !== victim);
    case 1: {
      const isOpen = victim.outcome === 'unknown';
      const completedAt = isOpen ? victim.completedAt : invokedAt + random.below(3);
      return history.with(at, { ...victim, invokedAt, completedAt });
    }
    case 2:
      return history.with(at, { ...victim, outcome: random.pick(['ok', 'failed']) });
    case 3:
      return history.with(at, { ...victim, operations: random.shuffle(operations) });
    default:
      return history.with(at, {
        ...victim,
        operations: operations.map((operation) => spoilOperation(random, operation, other)),
      });
  }
}

function spoilOperation(
  random: Random,
  operation: MicroOperation,
  { operations }: Transaction,
): MicroOperation {
  if (operation.type === 'append' || operation.list === undefined) return operation;
  const { key, list } = operation;
  const others = operations.filter((other) => other.key === key);
  const append = others.find((other) => other.type === 'append');
  const read = others.find((other) => other.type === 'read');
  switch (random.below(5)) {
    case 0:
      return { ...operation, list: list.slice(0, -1) };
    case 1:
      return { ...operation, list: swapLast(list) };
    case 2:
      return append === undefined ? operation : { ...operation, list: [...list, append.element] };
    case 3:
      return read === undefined ? operation : { ...operation, list: read.list };
    default:
      return { ...operation, list: list.filter(() => random.chance(0.8)) };
  }
}

export interface Spoiler {
  readonly sentence: string;
  /** The spoiled history, which cannot be strictly serializable; undefined if there is no way. */
  markCorrupt(history: History): History | undefined;
}

/** Each looks for a place where the change surely breaks the history, late in it. */
export const SPOILERS: readonly Spoiler[] = [
  {
    sentence: 'the last two elements of a read swapped, of which others show one without the other',
    markCorrupt: (history) =>
      changeLateRead(history, ({ list, key }) => {
        if (list.length < 2 || !isShown(history, key, list.slice(0, -1))) return undefined;
        return swapLast(list);
      }),
  },
  {
    sentence: 'the last element of a read dropped although its transaction had completed',
    markCorrupt: (history) =>
      changeLateRead(history, ({ list, key }, reader) => {
        const writer = writerOf(history, key, list.at(-1));
        if (writer === undefined || writer.completedAt >= reader.invokedAt) return undefined;
        return list.slice(0, -1);
      }),
  },
  {
    sentence: 'an element twice in a read',
    markCorrupt: (history) =>
      changeLateRead(history, ({ list }) => (list.length < 1 ? undefined : [...list, ...list])),
  },
  {
    sentence: 'an element that was never appended in a read',
    markCorrupt: (history) => changeLateRead(history, ({ list }) => [...list, -1]),
  },
  {
    sentence: 'an element of a failed transaction in a read',
    markCorrupt: (history) => {
      const appends = history
        .filter(({ outcome }) => outcome === 'failed')
        .flatMap(({ operations }) => operations.filter(({ type }) => type === 'append'));
      return changeLateRead(history, ({ list, key }) => {
        const append = appends.find((operation) => operation.key === key);
        return append?.type === 'append' ? [...list, append.element] : undefined;
      });
    },
  },
  {
    sentence: 'a transaction over two keys of which a read shows one without the other',
    markCorrupt: (history) =>
      changeLateRead(history, ({ list, key }, reader) => {
        const writer = writerOf(history, key, list.at(-1));
        const isSplit = reader.operations.some(
          (other) =>
            other.type === 'read' &&
            other.key !== key &&
            writer !== undefined &&
            writer !== reader &&
            writerOf(history, other.key, other.list?.at(-1)) === writer,
        );
        return isSplit ? list.filter((each) => writerOf(history, key, each) !== writer) : undefined;
      }),
  },
  {
    sentence: 'a transaction that was seen made to begin after the one that saw it had completed',
    markCorrupt: (history) => {
      const end = Math.max(
        ...history.map(({ completedAt }) => completedAt).filter(Number.isFinite),
      );
      const seen = (at: number) =>
        history.some((reader) =>
          reader.operations.some(
            (operation) =>
              operation.type === 'read' &&
              reader.outcome === 'ok' &&
              reader !== history[at] &&
              writerOf(history, operation.key, operation.list?.at(-1)) === history[at],
          ),
        );
      const at = history.findIndex((_, number) => number * 2 > history.length && seen(number));
      const late = history[at];
      if (late === undefined) return undefined;
      return history.with(at, { ...late, invokedAt: end + 1, completedAt: end + 2 });
    },
  },
];

type Change = (
  read: ReadOperation & { readonly list: readonly number[] },
  reader: Transaction,
) => readonly number[] | undefined;

/** Changes the first suitable read after the middle. */
function changeLateRead(history: History, change: Change): History | undefined {
  for (const [number, reader] of history.entries()) {
    if (number * 2 < history.length || reader.outcome !== 'ok') continue;
    for (const [at, operation] of reader.operations.entries()) {
      if (operation.type === 'append' || operation.list === undefined) continue;
      const list = change({ ...operation, list: operation.list }, reader);
      if (list === undefined) continue;
      const operations = reader.operations.with(at, { ...operation, list });
      return history.with(number, { ...reader, operations });
    }
  }
  return undefined;
}

function writerOf(history: History, key: Key, element: number | undefined) {
  return history.find(({ operations }) =>
    operations.some(
      (operation) =>
        operation.type === 'append' && operation.key === key && operation.element === element,
    ),
  );
}

/** Whether a transaction that took effect read exactly this list. */
function isShown(history: History, key: Key, list: readonly number[]): boolean {
  return history.some(
    ({ outcome, operations }) =>
      outcome === 'ok' &&
      operations.some(
        (operation) =>
          operation.type === 'read' &&
          operation.key === key &&
          String(operation.list) === String(list),
      ),
  );
}

function swapLast(list: readonly number[]): readonly number[] {
  const [last, before] = [list.at(-1), list.at(-2)];
  if (last === undefined || before === undefined) return list;
  return [...list.slice(0, -2), last, before];
}
