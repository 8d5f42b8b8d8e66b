/** Messages that leave in the next turn, and messages that wait for the disk. */

import type { Fact } from './fact.ts';
import type { LogEntry, Message, SnapshotDescription } from './message.ts';
import type { HardState, Mark, ReadAnswer, Ready, ReceivedChunk, Write } from './ready.ts';

interface Held {
  readonly write: number;
  readonly message: Message;
}

interface Inflight {
  readonly mark: Mark;
  /**
   * The end of the write's entries that still stand in the log: lowered when a later cut overwrites
   * them.
   */
  standing: number;
  /** When it was handed out, by the node's clock at the previous tick. */
  readonly at: number;
}

export class Outbox {
  messages: Message[] = [];
  chunks: ReceivedChunk[] = [];
  reads: ReadAnswer[] = [];
  facts: Fact[] = [];
  truncated: number | undefined;

  /** The first entry that the next write has to contain; Infinity if there is none. */
  unwrittenFrom = Number.POSITIVE_INFINITY;
  repairs: LogEntry[] = [];
  snapshot: SnapshotDescription | undefined;
  isHardStateChanged = false;

  #lastWrite = 0;
  /** Writes in flight, oldest first. */
  #inflight: Inflight[] = [];
  /** Messages that wait for the same write leave in their order. */
  #held: Held[] = [];

  /** The number of the write that makes everything durable that happened until now. */
  get pendingWrite(): number {
    return this.hasWrite ? this.#lastWrite + 1 : this.#lastWrite;
  }

  get hasWrite(): boolean {
    return (
      this.isHardStateChanged ||
      this.unwrittenFrom !== Number.POSITIVE_INFINITY ||
      this.repairs.length > 0 ||
      this.snapshot !== undefined
    );
  }

  get hasNews(): boolean {
    return (
      this.messages.length > 0 ||
      this.chunks.length > 0 ||
      this.reads.length > 0 ||
      this.facts.length > 0 ||
      this.truncated !== undefined
    );
  }

  get oldestInflight(): number | undefined {
    return this.#inflight[0]?.mark.number;
  }

  /** When the oldest write in flight was handed out. */
  get oldestInflightAt(): number | undefined {
    return this.#inflight[0]?.at;
  }

  isDurable(write: number): boolean {
    const oldest = this.oldestInflight;
    return write <= this.#lastWrite && (oldest === undefined || write < oldest);
  }

  send(message: Message): void {
    this.messages.push(message);
  }

  /** For messages that promise durability (figure 2: respond after updating stable storage). */
  sendAfter(write: number, message: Message): void {
    if (this.isDurable(write)) {
      this.messages.push(message);
      return;
    }
    const last = this.#held[this.#held.length - 1];
    // While a disk hangs the same request is repeated: one answer is enough.
    if (last?.write === write && covers(message, last.message)) this.#held.pop();
    this.#held.push({ write, message });
  }

  /** Everything but the write and the committed entries. */
  takeNews(): Pick<Ready, 'chunks' | 'messages' | 'reads' | 'truncated' | 'facts'> {
    const { chunks, messages, reads, truncated, facts } = this;
    this.chunks = [];
    this.messages = [];
    this.reads = [];
    this.truncated = undefined;
    this.facts = [];
    return { chunks, messages, reads, truncated, facts };
  }

  /** Turns all unwritten changes into one write. */
  takeWrite(state: {
    readonly hardState: HardState;
    readonly entries: readonly LogEntry[];
    readonly last: Mark['position'];
    readonly now: number;
  }): Write {
    this.#lastWrite += 1;
    const mark = { number: this.#lastWrite, position: state.last };
    const { snapshot, repairs } = this;
    this.#inflight.push({ mark, standing: state.last.index, at: state.now });
    this.unwrittenFrom = Number.POSITIVE_INFINITY;
    this.repairs = [];
    this.snapshot = undefined;
    this.isHardStateChanged = false;
    return { mark, hardState: state.hardState, snapshot, entries: state.entries, repairs };
  }

  /** The log was cut from `index`: no write in flight makes later content there durable. */
  overwriteFrom(index: number): void {
    for (const write of this.#inflight) write.standing = Math.min(write.standing, index - 1);
  }

  /** A report from the disk: how far the log is durable; undefined for a settled write. */
  settle(mark: Mark): { readonly durable: number; readonly isClamped: boolean } | undefined {
    const write = this.#inflight[0];
    if (write === undefined || mark.number < write.mark.number) return undefined;
    let settled = write;
    while (this.#inflight.length > 0) {
      const next = this.#inflight[0] as Inflight;
      if (next.mark.number > mark.number) break;
      settled = next;
      this.#inflight.shift();
    }
    this.#release();
    return {
      durable: settled.standing,
      isClamped: settled.standing < settled.mark.position.index,
    };
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const waiting of held) {
      if (this.isDurable(waiting.write)) this.messages.push(waiting.message);
      else this.#held.push(waiting);
    }
  }
}

/** Whether the newer answer contains everything that the held one says. */
function covers(newer: Message, older: Message): boolean {
  if (newer.type !== older.type || newer.to !== older.to || newer.term !== older.term) return false;
  if (newer.type === 'heartbeat-response') return true;
  if (newer.type !== 'append-response' || older.type !== 'append-response') return false;
  return newer.answer === older.answer && newer.index >= older.index;
}
