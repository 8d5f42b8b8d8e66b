/** Exactly once: what a batch finds remembered of its client, and what is remembered of it. */

import { assert, present } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Writer } from '../base/message-pack.ts';
import type { Batch } from './command.ts';
import {
  decodeSession,
  decodeVerdicts,
  type Run,
  type Session,
  type Verdict,
  writeVerdict,
} from './session.ts';

/** A verdict of long ago, and the entry that it was given in. */
interface Remembered {
  readonly verdict: Verdict;
  readonly version: number;
}

interface OpenRun {
  readonly first: number;
  count: number;
  /** Where its verdicts begin in the writer, and where they end. */
  readonly from: number;
  to: number;
}

/** One client's session while one of its batches is applied. */
export class Remembrance {
  readonly #before: Session | undefined;
  #acknowledgedBelow: number;
  #deadlineMax: number;
  readonly #version: number;
  /** Those of before that are kept, and those of this entry. */
  #runs: Run[] = [];
  readonly #writer: Writer;
  /** Verdicts of the runs that were looked into. */
  readonly #verdicts = new Map<Run, readonly Verdict[]>();
  /** Of what was executed last; none if nothing was. */
  #open: OpenRun | undefined;
  #commands = 0;
  #bytes = 0;
  /** Above every sequence that is remembered. */
  #end = 0;

  constructor(options: {
    readonly row: Uint8Array | undefined;
    readonly batch: Pick<Batch, 'acknowledgedBelow' | 'deadline'>;
    readonly version: number;
    /** Takes the verdicts; they are views of it. */
    readonly writer: Writer;
  }) {
    const { row, batch } = options;
    this.#version = options.version;
    this.#writer = options.writer;
    const before = row === undefined ? undefined : present(decodeSession(row), 'a session is one');
    this.#before = before;
    this.#acknowledgedBelow = Math.max(before?.acknowledgedBelow ?? 0, batch.acknowledgedBelow);
    this.#deadlineMax = Math.max(before?.deadlineMax ?? 0, batch.deadline);
    for (const run of before?.runs ?? []) {
      if (run.first + run.count > this.#acknowledgedBelow) this.#keep(run);
    }
  }

  /** Whether the client has had the answer and cannot be told it again. */
  isAcknowledged(sequence: number): boolean {
    return sequence < this.#acknowledgedBelow;
  }

  recall(sequence: number): Remembered | undefined {
    if (sequence >= this.#end) return undefined;
    const run = this.#runs.find(
      ({ first, count }) => sequence >= first && sequence < first + count,
    );
    if (run === undefined) return undefined;
    let verdicts = this.#verdicts.get(run);
    if (verdicts === undefined) {
      verdicts = present(decodeVerdicts(run), 'a run holds its verdicts');
      this.#verdicts.set(run, verdicts);
    }
    const verdict = present(verdicts[sequence - run.first], 'a run holds its sequences');
    return { verdict, version: run.version };
  }

  /** No more can be remembered before the client acknowledges some. */
  get isFull(): boolean {
    return this.#commands >= MACHINE_LIMITS.sessionCommandsMax;
  }

  /** What the outputs of the next command may take. */
  get resultBytesMax(): number {
    const left = MACHINE_LIMITS.sessionBytesMax - this.#bytes;
    return Math.min(MACHINE_LIMITS.resultBytesMax, left);
  }

  /** Takes it as said by the client that it will not ask for anything below. */
  acknowledge(below: number): void {
    this.#acknowledgedBelow = Math.max(this.#acknowledgedBelow, below);
    this.#runs = this.#runs.filter(({ first, count }) => first + count > below);
  }

  /** Something of the client may come until then. */
  extend(deadline: number): void {
    this.#deadlineMax = Math.max(this.#deadlineMax, deadline);
  }

  remember(sequence: number, verdict: Verdict): void {
    assert(!this.isFull, 'what is remembered is bounded');
    const { length } = this.#writer;
    const before = this.#open;
    // In an entry that concerns several clients another one's verdicts may stand between.
    const isNext =
      before !== undefined && before.first + before.count === sequence && before.to === length;
    if (!isNext) {
      this.#close();
      this.#open = { first: sequence, count: 0, from: length, to: length };
    }
    writeVerdict(this.#writer, verdict);
    const open = present(this.#open, 'a run is open');
    open.count += 1;
    open.to = this.#writer.length;
    this.#commands += 1;
    this.#bytes += this.#writer.length - length;
  }

  /** What the client's row becomes; undefined if it stays as it was. */
  finish(): Session | undefined {
    const before = this.#before;
    const acknowledgedBelow = this.#acknowledgedBelow;
    const deadlineMax = this.#deadlineMax;
    const isSame =
      this.#open === undefined &&
      acknowledgedBelow === before?.acknowledgedBelow &&
      deadlineMax === before.deadlineMax;
    this.#close();
    return isSame ? undefined : { acknowledgedBelow, deadlineMax, runs: this.#runs };
  }

  #keep(run: Run): void {
    this.#runs.push(run);
    this.#commands += run.count;
    this.#bytes += run.verdicts.length;
    this.#end = Math.max(this.#end, run.first + run.count);
  }

  #close(): void {
    if (this.#open === undefined) return;
    const { first, count, from, to } = this.#open;
    const verdicts = this.#writer.since(from).subarray(0, to - from);
    this.#runs.push({ first, count, version: this.#version, verdicts });
    this.#open = undefined;
  }
}
