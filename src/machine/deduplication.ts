/** Exactly once: finds the remembered result of a client's request, and remembers new ones. */

import { assert, present } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Writer } from '../base/message-pack.ts';
import { SECTION, type StateSource } from './section.ts';
import {
  type CommandResult,
  decodeSession,
  decodeSlotReplies,
  decodeVerdicts,
  type ReplyRun,
  type Session,
  type SlotReplies,
  slotKeyOf,
  slotOf,
  writeSession,
  writeSlotReplies,
  writeVerdict,
} from './session.ts';
import type { WriteBuffer } from './slots.ts';

/** A former result, and the index of its entry. */
interface Remembered {
  readonly verdict: CommandResult;
  readonly version: number;
}

interface OpenRun {
  readonly first: number;
  count: number;
  /** The range of its results in the writer. */
  readonly from: number;
  to: number;
}

/** How long the session of a client is kept. One per client and entry. */
export class Lifetime {
  readonly client: Uint8Array;
  readonly #before: Session | undefined;
  #deadlineMax: number;
  #slots: number;

  constructor({ source, client }: { readonly source: StateSource; readonly client: Uint8Array }) {
    this.client = client;
    const row = source.get(SECTION.sessions, client);
    const before = row === undefined ? undefined : present(decodeSession(row), 'a session is one');
    this.#before = before;
    this.#deadlineMax = before?.deadlineMax ?? 0;
    this.#slots = before?.slots ?? 0;
  }

  get slots(): number {
    return this.#slots;
  }

  /** A request of the client may arrive until then. */
  extend(deadline: number): void {
    if (deadline <= this.#deadlineMax) return;
    const step = MACHINE_LIMITS.sessionStepMilliseconds;
    this.#deadlineMax = Math.ceil(deadline / step) * step;
  }

  /** The slot has a row from now on. */
  use(slot: number): void {
    this.#slots = Math.max(this.#slots, slot + 1);
  }

  /** Writes nothing if it is unchanged. */
  write({ writer, writes }: WriteBuffer): void {
    const before = this.#before;
    const [deadlineMax, slots] = [this.#deadlineMax, this.#slots];
    if (before?.deadlineMax === deadlineMax && before.slots === slots) return;
    const { length } = writer;
    writeSession(writer, { deadlineMax, slots });
    const value = writer.since(length);
    writes.push({ section: SECTION.sessions, key: this.client, value });
  }
}

/** The slot of one request while an entry that concerns it is applied. */
export class RememberedRequest {
  readonly lifetime: Lifetime;
  readonly sequence: number;
  readonly #version: number;
  /** A later request has used the slot. */
  readonly isAcknowledged: boolean;
  /** Former runs, and those of this entry. */
  readonly #runs: ReplyRun[] = [];
  readonly #writer: Writer;
  /** Results of the runs that were decoded. */
  readonly #verdicts = new Map<ReplyRun, readonly CommandResult[]>();
  /** The run of the last executed command; undefined if none was executed. */
  #open: OpenRun | undefined;
  #bytes = 0;
  #isChanged = false;

  constructor(options: {
    readonly source: StateSource;
    readonly lifetime: Lifetime;
    readonly sequence: number;
    readonly version: number;
    /** Takes the results; they are views of it. */
    readonly writer: Writer;
  }) {
    const { source, lifetime, sequence } = options;
    this.lifetime = lifetime;
    this.sequence = sequence;
    this.#version = options.version;
    this.#writer = options.writer;
    const before = repliesIn(source, lifetime, slotOf(sequence));
    this.isAcknowledged = before !== undefined && before.sequence > sequence;
    if (before?.sequence !== sequence) return;
    for (const run of before.runs) {
      this.#runs.push(run);
      this.#bytes += run.verdicts.length;
    }
  }

  recall(position: number): Remembered | undefined {
    const run = this.#runs.find(
      ({ first, count }) => position >= first && position < first + count,
    );
    if (run === undefined) return undefined;
    let verdicts = this.#verdicts.get(run);
    if (verdicts === undefined) {
      verdicts = present(decodeVerdicts(run), 'a run holds its verdicts');
      this.#verdicts.set(run, verdicts);
    }
    const verdict = present(verdicts[position - run.first], 'a run holds its positions');
    return { verdict, version: run.version };
  }

  /** The largest size of the outputs of the next command. */
  get resultBytesMax(): number {
    const left = MACHINE_LIMITS.slotBytesMax - this.#bytes;
    return Math.max(0, Math.min(MACHINE_LIMITS.resultBytesMax, left));
  }

  /** Drops the results of the slot's former request: its client has the answer. */
  remember(position: number, verdict: CommandResult): void {
    assert(!this.isAcknowledged, 'no reply is remembered for an acknowledged request');
    const { length } = this.#writer;
    const before = this.#open;
    // In an entry that concerns several requests, results of another one may stand between.
    const isNext =
      before !== undefined && before.first + before.count === position && before.to === length;
    if (!isNext) {
      this.#close();
      this.#open = { first: position, count: 0, from: length, to: length };
    }
    writeVerdict(this.#writer, verdict);
    const open = present(this.#open, 'a run is open');
    open.count += 1;
    open.to = this.#writer.length;
    this.#bytes += this.#writer.length - length;
    this.#isChanged = true;
  }

  /** Writes the slot's row, if there is something to remember; its owner writes the lifetime. */
  write({ writer, writes }: WriteBuffer): void {
    if (!this.#isChanged) return;
    this.#close();
    const { sequence, lifetime } = this;
    const slot = slotOf(sequence);
    lifetime.use(slot);
    const { length } = writer;
    writeSlotReplies(writer, { sequence, runs: this.#runs });
    const key = slotKeyOf(lifetime.client, slot);
    writes.push({ section: SECTION.replies, key, value: writer.since(length) });
  }

  #close(): void {
    if (this.#open === undefined) return;
    const { first, count, from, to } = this.#open;
    const verdicts = this.#writer.since(from).subarray(0, to - from);
    this.#runs.push({ first, count, version: this.#version, verdicts });
    this.#open = undefined;
  }
}

function repliesIn(
  source: StateSource,
  { client, slots }: Lifetime,
  slot: number,
): SlotReplies | undefined {
  if (slot >= slots) return undefined;
  const row = source.get(SECTION.replies, slotKeyOf(client, slot));
  return row === undefined ? undefined : present(decodeSlotReplies(row), 'a slot holds replies');
}
