/** One run of a transaction's function: what it reads, and what it comes to at its end. */

import type { Command } from '../machine/command.ts';
import type { ReadLevel } from '../wire/request.ts';
import {
  type Call,
  type CommitCall,
  type Contest,
  isProtected,
  type ReadCall,
  type RowsRead,
  type SeenRange,
  type ValidateCall,
} from './core/call.ts';
import type { KeyRange } from './core/range.ts';
import type { Page, PageCall } from './core/scan.ts';
import type { Engine, Question, ResultOf } from './engine.ts';
import { Footprint } from './footprint.ts';
import { mergedScan } from './merged-scan.ts';
import type { Patience } from './patience.ts';

interface RunOptions {
  readonly engine: Engine;
  readonly level: ReadLevel;
  readonly patience: Patience;
  readonly contest: Contest;
}

interface ScanTerms {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly limit: number;
}

/** It holds, or something that was read or is to be written is somebody else's now. */
export type Conclusion =
  | { readonly type: 'holds' }
  | { readonly type: 'conflict'; readonly key: Uint8Array | undefined };

const HOLDS: Conclusion = { type: 'holds' };

export class Run {
  readonly footprint: Footprint;
  readonly #options: RunOptions;
  /** What the function has asked and was not told yet. */
  readonly #open = new Set<Promise<unknown>>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.footprint = new Footprint({ read: (keys) => this.#read(keys) });
  }

  scan(terms: ScanTerms): ReturnType<typeof mergedScan> {
    const { engine } = this.#options;
    return mergedScan({
      ...terms,
      level: this.#level,
      footprint: this.footprint,
      pageOf: (scan) => {
        const question = { type: 'page', scan } as const;
        return this.#ask<PageCall, Page>(question, (page) => page);
      },
      endScan: (scan) => engine.endScan(scan),
    });
  }

  /** All of it takes effect at one moment, or nothing does. An outcome that is unknown throws. */
  commit(): Promise<Conclusion> {
    const { footprint } = this;
    if (footprint.writes.count === 0) return this.validate();
    const { command, ranges, moments } = footprint;
    const { contest } = this.#options;
    return this.#ask<CommitCall, Conclusion>(
      { type: 'commit', command, ranges, moments, contest },
      (result) => {
        const told = result.type === 'replied' ? result.reply : result;
        return told.type === 'done' ? HOLDS : conflictAt(told.position, command, ranges);
      },
    );
  }

  /** Whether all that was read was true at one moment. */
  async validate(): Promise<Conclusion> {
    const { checks, ranges, moments, isOneMoment } = this.footprint;
    if (isOneMoment) return HOLDS;
    const { contest } = this.#options;
    return this.#ask<ValidateCall, Conclusion>(
      { type: 'validate', checks, ranges, moments, level: this.#level, contest },
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

  /** What is reserved is told by its leader, behind all that it had let in before. */
  get #level(): ReadLevel {
    const { contest, level } = this.#options;
    return isProtected(contest) ? { type: 'linearizable' } : level;
  }

  #read(keys: readonly Uint8Array[]): Promise<RowsRead> {
    const { contest } = this.#options;
    const question = { type: 'read', keys, level: this.#level, isJoint: false, contest } as const;
    return this.#ask<ReadCall, RowsRead>(question, (result) => result);
  }

  /** Nothing is waited for longer than the transaction as a whole. */
  #ask<C extends Call, T>(
    question: Omit<Question<C>, 'timeoutMilliseconds'>,
    answer: (result: ResultOf<C>) => T,
  ): Promise<T> {
    const { engine, patience } = this.#options;
    const timeoutMilliseconds = patience.millisecondsLeft;
    const whole = { ...question, timeoutMilliseconds } as Question<C>;
    const asked = engine.ask<C, T>(() => whole, answer, patience.signal);
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
