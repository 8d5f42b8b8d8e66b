/**
 * The output queue of the node's logger. The node never waits for it: lines that the reader, or the
 * disk of the log file, does not accept are queued up to a bound. Lines beyond it are dropped and
 * counted, and the count is logged once there is room again.
 */

import pino from 'pino';
import { type Outlet, standardError } from '../storage/files/standard-error.ts';
import { LOG_SINK_LIMITS } from './log-sink-limits.ts';

/** The prefix of a fatal line in pino's format. */
const FATAL = '{"level":60';

interface LogSinkOptions {
  /** Opened at the first line. */
  readonly openOutlet?: () => Outlet;
}

export class LogSink {
  readonly #openOutlet: () => Outlet;
  #outlet: Outlet | undefined;
  /** Queued lines in order. The first one may be partly written. */
  #lines: Uint8Array[] = [];
  #bytes = 0;
  /** Dropped lines since the last report. */
  #dropped = 0;
  #isWriting = false;
  #retry: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor({ openOutlet = standardError }: LogSinkOptions = {}) {
    this.#openOutlet = openOutlet;
  }

  /** Writes one or more complete lines. Never fails and never blocks. */
  write(text: string): void {
    const line = Buffer.from(text);
    // The fatal line of a node is always queued, even if older lines must be dropped.
    if (text.startsWith(FATAL)) this.#makeRoom(line.length);
    if (this.#bytes + line.length > LOG_SINK_LIMITS.bytesMax) this.#dropped += 1;
    else this.#add(line);
    if (this.#retry === undefined) this.#pump();
  }

  /** Resolves when all lines are written, or after a timeout: the process may exit then. */
  end(milliseconds: number): Promise<void> {
    this.#pump();
    if (this.#lines.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, milliseconds);
      this.#onEmpty = finish;
    });
  }

  #add(line: Uint8Array): void {
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** Drops the oldest lines, except for a partly written one. */
  #makeRoom(bytes: number): void {
    while (this.#bytes + bytes > LOG_SINK_LIMITS.bytesMax && this.#lines.length > 1) {
      const [gone] = this.#lines.splice(1, 1);
      this.#bytes -= gone?.length ?? 0;
      this.#dropped += 1;
    }
  }

  #pump(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    while (!this.#isWriting && this.#lines.length > 0) {
      let isDone = false;
      this.#isWriting = true;
      this.#open().write(this.#next(), (written, fault) => {
        this.#isWriting = false;
        this.#take(written);
        if (fault !== undefined) this.#tryLater();
        // A later callback continues from here; a synchronous one continues in the loop.
        else if (isDone) this.#pump();
      });
      isDone = true;
      if (this.#retry !== undefined) return;
    }
    if (this.#lines.length === 0) this.#onEmpty?.();
  }

  /** As many whole lines as fit in one write, or the rest of the first one. */
  #next(): Uint8Array {
    let bytes = 0;
    const count = this.#lines.findIndex(({ length }) => {
      bytes += length;
      return bytes > LOG_SINK_LIMITS.writeBytesMax;
    });
    const lines = count < 0 ? this.#lines : this.#lines.slice(0, Math.max(count, 1));
    return lines.length === 1 ? (lines[0] as Uint8Array) : Buffer.concat(lines);
  }

  #take(written: number): void {
    this.#bytes -= written;
    let left = written;
    while (left > 0) {
      const line = this.#lines.shift() as Uint8Array;
      if (line.length > left) this.#lines.unshift(line.subarray(left));
      left -= Math.min(line.length, left);
    }
    if (written > 0 && this.#dropped > 0) this.#confess();
  }

  /** There is room again: first reports how many lines were dropped. */
  #confess(): void {
    const dropped = this.#dropped;
    const write = (line: string) => {
      const bytes = Buffer.from(line);
      if (this.#bytes + bytes.length > LOG_SINK_LIMITS.bytesMax) return;
      this.#dropped = 0;
      this.#add(bytes);
    };
    const why = 'its reader or its disk was too slow';
    const text = `${dropped} log lines were dropped here: ${why}`;
    pino({ base: null }, { write }).warn({ dropped }, text);
  }

  #tryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#pump();
    }, LOG_SINK_LIMITS.retryMilliseconds);
    this.#retry.unref();
  }

  #open(): Outlet {
    this.#outlet ??= this.#openOutlet();
    return this.#outlet;
  }
}

let shared: LogSink | undefined;

/** One sink per process, shared by all its nodes. */
export function standardErrorSink(): LogSink {
  shared ??= new LogSink();
  return shared;
}
