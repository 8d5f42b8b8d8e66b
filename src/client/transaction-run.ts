/** One run of a transaction's function: its reads, and the commit at its end. */

import type { Check, Command } from '../machine/command.ts';
import type { ReadLevel } from '../wire/request.ts';
import {
  type Call,
  type CommitCall,
  type Done,
  type GaveWay,
  isProtected,
  type Priority,
  type ReadCall,
  type Replied,
  type RowsRead,
  type ValidateCall,
  type WriteCall,
} from './core/call.ts';
import type { KeyRange } from './core/range.ts';
import type { Page, PageCall } from './core/scan.ts';
import type { Deadline } from './deadline.ts';
import type { Engine, Question, ResultOf } from './engine.ts';
import { mergedScan } from './merged-scan.ts';
import { ReadWriteSet } from './read-write-set.ts';
import { WriteTerms } from './write-terms.ts';

interface RunOptions {
  readonly engine: Engine;
  readonly level: ReadLevel;
  readonly deadline: Deadline;
  readonly priority: Priority;
}

interface ScanTerms {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  readonly limit: number;
}

/**
 * All that was read holds; another transaction has changed or locked a key; or a key does not have
 * the version that the function demands, so that no other run can succeed.
 */
export type Conclusion =
  | { readonly type: 'holds'; readonly done: Done | undefined }
  | { readonly type: 'conflict'; readonly key: Uint8Array | undefined }
  | { readonly type: 'demand-failed'; readonly check: Check };

const HOLDS: Conclusion = { type: 'holds', done: undefined };

export class Run {
  readonly readWriteSet: ReadWriteSet;
  /** Leases and fences of its writes. */
  readonly terms: WriteTerms;
  readonly #options: RunOptions;
  /** Open reads of the function. */
  readonly #open = new Set<Promise<unknown>>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.terms = new WriteTerms(options.engine);
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
    const { command, ranges, moments, checks } = readWriteSet;
    if (readWriteSet.writes.count === 0) return this.#validate(checks);
    // Without a read there is nothing that another run could find different.
    if (readWriteSet.hasReadNothing) {
      const question = { type: 'write', command, ...this.terms.fields } as const;
      return this.#ask<WriteCall, Conclusion>(question, (told) => this.#concludeOf(told.reply));
    }
    const { priority } = this.#options;
    return this.#ask<CommitCall, Conclusion>(
      { type: 'commit', command, ranges, moments, priority, ...this.terms.fields },
      (result) => {
        return this.#concludeOf(result.type === 'replied' ? result.reply : result);
      },
    );
  }

  /** Whether all that was read was true at one moment. */
  validate(): Promise<Conclusion> {
    return this.#validate(this.readWriteSet.reads);
  }

  async #validate(checks: readonly Check[]): Promise<Conclusion> {
    const { ranges, moments, isOneMoment } = this.readWriteSet;
    if (isOneMoment) return HOLDS;
    const { priority } = this.#options;
    return this.#ask<ValidateCall, Conclusion>(
      { type: 'validate', checks, ranges, moments, level: this.#level, priority },
      ({ failed }) => (failed === undefined ? HOLDS : this.#conflictAt(failed, true, checks)),
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

  #concludeOf(told: Replied['reply'] | GaveWay): Conclusion {
    if (told.type === 'done') return { type: 'holds', done: told };
    return this.#conflictAt(told.position, told.type === 'check-failed');
  }

  /** Operations are those that were sent; what was seen of ranges follows them. */
  #conflictAt(
    position: number | undefined,
    isCheck: boolean,
    operations: Command = this.readWriteSet.command,
  ): Conclusion {
    if (position === undefined) return { type: 'conflict', key: undefined };
    const check = this.readWriteSet.checks[position];
    const isDemand = isCheck && position < operations.length;
    if (isDemand && this.readWriteSet.isDemand(position) && check !== undefined) {
      return { type: 'demand-failed', check };
    }
    const ranges = this.readWriteSet.ranges.map((range) => range.check);
    return { type: 'conflict', key: [...operations, ...ranges][position]?.key };
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
