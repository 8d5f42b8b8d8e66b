/** One run of a transaction's function: its reads, and the commit at its end. */

import type { Command } from '../machine/command.ts';
import type { ReadLevel } from '../wire/request.ts';
import {
  type Call,
  type CommitCall,
  isProtected,
  type Priority,
  type ReadCall,
  type RowsRead,
  type SeenRange,
  type ValidateCall,
} from './core/call.ts';
import type { KeyRange } from './core/range.ts';
import type { Page, PageCall } from './core/scan.ts';
import type { Deadline } from './deadline.ts';
import type { Engine, Question, ResultOf } from './engine.ts';
import { mergedScan } from './merged-scan.ts';
import { ReadWriteSet } from './read-write-set.ts';

interface RunOptions {
  readonly engine: Engine;
  readonly level: ReadLevel;
  readonly deadline: Deadline;
  readonly priority: Priority;
}

interface ScanTerms {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly limit: number;
}

/** All that was read holds, or another transaction has changed or locked a key. */
export type Conclusion =
  | { readonly type: 'holds' }
  | { readonly type: 'conflict'; readonly key: Uint8Array | undefined };

const HOLDS: Conclusion = { type: 'holds' };

export class Run {
  readonly readWriteSet: ReadWriteSet;
  readonly #options: RunOptions;
  /** Open reads of the function. */
  readonly #open = new Set<Promise<unknown>>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.readWriteSet = new ReadWriteSet({ read: (keys) => this.#read(keys) });
  }

  scan(terms: ScanTerms): ReturnType<typeof mergedScan> {
    const { engine } = this.#options;
    return mergedScan({
      ...terms,
      level: this.#level,
      readWriteSet: this.readWriteSet,
      pageOf: (scan) => {
        const question = { type: 'page', scan } as const;
        return this.#ask<PageCall, Page>(question, (page) => page);
      },
      endScan: (scan) => engine.endScan(scan),
    });
  }

  /** All of it takes effect at one moment, or nothing does. Throws if the outcome is unknown. */
  commit(): Promise<Conclusion> {
    const { readWriteSet } = this;
    if (readWriteSet.writes.count === 0) return this.validate();
    const { command, ranges, moments } = readWriteSet;
    const { priority } = this.#options;
    return this.#ask<CommitCall, Conclusion>(
      { type: 'commit', command, ranges, moments, priority },
      (result) => {
        const told = result.type === 'replied' ? result.reply : result;
        return told.type === 'done' ? HOLDS : conflictAt(told.position, command, ranges);
      },
    );
  }

  /** Whether all that was read was true at one moment. */
  async validate(): Promise<Conclusion> {
    const { checks, ranges, moments, isOneMoment } = this.readWriteSet;
    if (isOneMoment) return HOLDS;
    const { priority } = this.#options;
    return this.#ask<ValidateCall, Conclusion>(
      { type: 'validate', checks, ranges, moments, level: this.#level, priority },
      ({ failed }) => (failed === undefined ? HOLDS : conflictAt(failed, checks, ranges)),
    );
  }

  /**
   * Why the first question that is still open failed; undefined if none is, or it was answered.
   * Each ends with the time of the transaction, so this is known at once when that is over.
   */
  async openFailure(): Promise<unknown> {
    const [first] = this.#open;
    return first?.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** A read that reserves asks the leader, which answers after all that it had let in before. */
  get #level(): ReadLevel {
    const { priority, level } = this.#options;
    return isProtected(priority) ? { type: 'linearizable' } : level;
  }

  #read(keys: readonly Uint8Array[]): Promise<RowsRead> {
    const { priority } = this.#options;
    const question = { type: 'read', keys, level: this.#level, isJoint: false, priority } as const;
    return this.#ask<ReadCall, RowsRead>(question, (result) => result);
  }

  /** No call of the run has more time than the transaction as a whole. */
  #ask<C extends Call, T>(
    question: Omit<Question<C>, 'timeoutMilliseconds'>,
    answer: (result: ResultOf<C>) => T,
  ): Promise<T> {
    const { engine, deadline } = this.#options;
    const timeoutMilliseconds = deadline.millisecondsLeft;
    const whole = { ...question, timeoutMilliseconds } as Question<C>;
    const asked = engine.ask<C, T>(() => whole, answer, deadline.signal);
    this.#open.add(asked);
    const forget = () => this.#open.delete(asked);
    asked.then(forget, forget);
    return asked;
  }
}

function conflictAt(
  position: number | undefined,
  operations: Command,
  ranges: readonly SeenRange[],
): Conclusion {
  const keys = [...operations, ...ranges.map(({ check }) => check)].map(({ key }) => key);
  return { type: 'conflict', key: position === undefined ? undefined : keys[position] };
}
